import { GeorefreshError } from '../../../config/errors.js';
import { BY_SET, MISSING_LEFT, SET_BYTES } from '../assembly/layout.js';
import type { OnnxMetadata } from '../learner.js';
import { encodeModel, ONNX_INPUT, ONNX_OUTPUT, OnnxGraph } from '../onnx.js';
import { WHOLE } from './binning.js';
import type { TreeModel } from './model.js';

/** Of TreeEnsemble in ai.onnx.ml 5. */
const MODE_LEQ = 0;
const MODE_MEMBER = 6;
/** A protocol buffer holds 2 GiB; a node takes some 40 bytes. */
const MOST_NODES = 2 ** 25;

const OPERATORS = { log: 'Exp', logit: 'Sigmoid', share: 'Clip' } as const;

/**
 * One graph from raw features to the prediction, in float64: a TreeEnsemble of ai.onnx.ml 5 over the features, the start, the
 * link. Thresholds are float32 and features are, so every comparison is exact; levels are sets of their values. Throws GR-3007
 * for a model too large to be one file.
 */
export function treesToGraph(model: TreeModel): OnnxGraph {
  if (model.left.length > MOST_NODES)
    throw new GeorefreshError('GR-3007', `the model has ${model.left.length} nodes, and a file holds ${MOST_NODES}`);
  const graph = new OnnxGraph('double');
  const raw = wholeLevels(graph, model, graph.toDouble(ONNX_INPUT, 'raw'));
  const sum = model.roots.length === 0 ? noTrees(graph, raw) : addTrees(graph, model, raw);
  const flat = graph.node('Reshape', [sum, graph.int64s('one_a_row', [-1])], 'flat');
  const start = graph.doubles('start', [model.start], []);
  if (model.link === 'identity') graph.node('Add', [flat, start], ONNX_OUTPUT);
  else {
    const score = graph.node('Add', [flat, start], 'score');
    const bounds = model.link === 'share' ? [graph.doubles('least', [0], []), graph.doubles('most', [1], [])] : [];
    graph.node(OPERATORS[model.link], [score, ...bounds], ONNX_OUTPUT);
  }
  return graph;
}

/** That graph as a file, with the levels of categories. */
export function treesToOnnx(model: TreeModel, metadata: OnnxMetadata): Uint8Array {
  const levels = Object.fromEntries(
    model.levels.flatMap((values, f) => (values.length === 0 ? [] : [[model.features[f], Array.from(values)]])),
  );
  return encodeModel(treesToGraph(model), model, metadata, {
    link: model.link,
    trees: String(model.roots.length),
    ...(Object.keys(levels).length > 0 && { levels: JSON.stringify(levels) }),
  });
}

/**
 * Makes missing, in columns of levels, what is no whole number: the runtime (ONNX Runtime 1.30) cuts a value to a whole one
 * before it looks for it in a set, so that 3.5 would be a member where 3 is.
 */
function wholeLevels(graph: OnnxGraph, { levels }: TreeModel, raw: string): string {
  if (levels.every((values) => values.length === 0)) return raw;
  const ofLevels = graph.doubles(
    'of_levels',
    levels.map((values) => (values.length > 0 ? 1 : 0)),
  );
  const whole = graph.node('Equal', [raw, graph.node('Floor', [raw], 'floor')], 'whole');
  const small = graph.node('Less', [graph.node('Abs', [raw], 'size'), graph.doubles('bound', [WHOLE], [])], 'small');
  const isLevel = graph.node('And', [whole, small], 'is_level');
  const isNumber = graph.node('Equal', [ofLevels, graph.doubles('nil', [0], [])], 'is_number');
  const kept = graph.node('Or', [isLevel, isNumber], 'kept');
  return graph.node('Where', [kept, raw, graph.doubles('missing', [Number.NaN], [])], 'readable');
}

/** A constant model: zeros of the shape of the rows. */
function noTrees(graph: OnnxGraph, raw: string): string {
  const first = graph.node('Gather', [raw, graph.int64s('first', [0])], 'first_column', { axis: 1 });
  const absent = graph.node(
    'IsNaN',
    [graph.node('Mul', [first, graph.doubles('none', [0], [])], 'zero_or_nan')],
    'is_nan',
  );
  return graph.node('Where', [absent, graph.doubles('zero', [0], []), graph.doubles('naught', [0], [])], 'sum');
}

/**
 * Splits and leaves are numbered apart, as the operator wants them. A root can only be a split: a tree of one leaf, as a draw
 * of equal targets grows, gets one that leads to that leaf on both sides.
 */
function addTrees(graph: OnnxGraph, model: TreeModel, raw: string): string {
  const { left, feature, threshold, flags, value, roots } = model;
  const number = new Int32Array(left.length);
  const splits: number[] = [];
  const leaves: number[] = [];
  for (let node = 0; node < left.length; node++) {
    const list = (left[node] as number) < 0 ? leaves : splits;
    number[node] = list.length;
    list.push(node);
  }
  const bare = Array.from(roots).filter((root) => (left[root] as number) < 0);
  const members: number[] = [];
  const ints: Record<string, number[]> = {
    nodes_featureids: [],
    nodes_truenodeids: [],
    nodes_falsenodeids: [],
    nodes_trueleafs: [],
    nodes_falseleafs: [],
    nodes_missing_value_tracks_true: [],
  };
  const modes = new Uint8Array(splits.length + bare.length).fill(MODE_LEQ);
  const bounds = new Float64Array(modes.length);
  for (const [i, node] of splits.entries()) {
    const f = feature[node] as number;
    const flag = flags[node] as number;
    const bySet = (flag & BY_SET) !== 0;
    const missingLeft = (flag & MISSING_LEFT) !== 0;
    let whenTrue = left[node] as number;
    let whenFalse = whenTrue + 1;
    if (bySet) {
      // Members go where missing values do not: a value that is no member, or none, needs no rule of its own.
      if (missingLeft) [whenTrue, whenFalse] = [whenFalse, whenTrue];
      members.push(...membersOf(model, f, threshold[node] as number), Number.NaN);
      modes[i] = MODE_MEMBER;
    } else bounds[i] = threshold[node] as number;
    ints.nodes_featureids?.push(f);
    ints.nodes_truenodeids?.push(number[whenTrue] as number);
    ints.nodes_trueleafs?.push((left[whenTrue] as number) < 0 ? 1 : 0);
    ints.nodes_falsenodeids?.push(number[whenFalse] as number);
    ints.nodes_falseleafs?.push((left[whenFalse] as number) < 0 ? 1 : 0);
    ints.nodes_missing_value_tracks_true?.push(!bySet && missingLeft ? 1 : 0);
  }
  for (const leaf of bare) {
    ints.nodes_featureids?.push(0);
    for (const side of ['true', 'false']) {
      ints[`nodes_${side}nodeids`]?.push(number[leaf] as number);
      ints[`nodes_${side}leafs`]?.push(1);
    }
    ints.nodes_missing_value_tracks_true?.push(0);
  }
  const bareAt = new Map(bare.map((leaf, i) => [leaf, splits.length + i]));
  return graph.trees(raw, 'sum', {
    ints: {
      ...ints,
      tree_roots: Array.from(roots, (root) => bareAt.get(root) ?? (number[root] as number)),
      leaf_targetids: leaves.map(() => 0),
    },
    doubles: {
      nodes_splits: bounds,
      leaf_weights: Float64Array.from(leaves, (node) => value[node] as number),
      ...(members.length > 0 && { membership_values: Float64Array.from(members) }),
    },
    modes,
  });
}

/** Values of the levels whose bits are set. */
function membersOf({ sets, levels }: TreeModel, f: number, set: number): number[] {
  return Array.from(levels[f] as Float32Array).filter(
    (_, place) => ((sets[set * SET_BYTES + (place >> 3)] as number) >> (place & 7)) & 1,
  );
}
