import * as L from '../assembly/layout.js';
import { columnsOf } from '../check.js';
import type { FeatureMatrix, Model } from '../learner.js';
import type { RawTree } from './kernel.js';

/** What stands between the sum of leaves and the prediction; `share`: the sum is one between 0 and 1, but for rounding. */
export type Link = 'identity' | 'log' | 'logit' | 'share';

/** Trees end to end. Numbers of nodes count through all trees; the right child stands behind the left one. */
export interface TreeModel extends Model {
  link: Link;
  /** Added to the sum of the leaves. */
  start: number;
  /** First node of each tree. */
  roots: Int32Array;
  /** Left child, −1 for a leaf. */
  left: Int32Array;
  feature: Uint16Array;
  /** What is at most this goes left; for a split by levels the number of its set. */
  threshold: Float32Array;
  /** MISSING_LEFT, BY_SET. */
  flags: Uint8Array;
  /** Of leaves. */
  value: Float32Array;
  /** Of splits. */
  gain: Float32Array;
  /** Training rows that came here. */
  count: Uint32Array;
  /** 32 bytes a set, a bit a level; members go to the side where missing values do not go. */
  sets: Uint8Array;
  /** Values of each categorical feature in the order of their bits; empty for numbers. */
  levels: Float32Array[];
}

/** Features as the bins that they were put into. */
export interface Binned {
  features: string[];
  levels: Float32Array[];
  /** Bounds of all features, MAX_BINS each. */
  bounds: Float32Array;
  binCount: Int32Array;
}

/** What the model needs to know beside its trees. */
export interface TreeFacts extends Binned {
  learner: string;
  link: Link;
  start: number;
  /** Factor of all leaves: 1, or the share of one tree in a mean. */
  share: number;
}

const MOST_FLOAT32 = (2 - 2 ** -23) * 2 ** 127;

/** Puts trees as the kernel lays them out into a model. Bins become the thresholds that bound them. */
export function modelOf(trees: readonly RawTree[], { share, bounds, binCount, ...facts }: TreeFacts): TreeModel {
  const nodes = trees.reduce((sum, tree) => sum + tree.nodes.length / L.NODE_BYTES, 0);
  const sets = trees.reduce((sum, tree) => sum + tree.sets.length, 0);
  const model: TreeModel = {
    ...facts,
    roots: new Int32Array(trees.length),
    left: new Int32Array(nodes),
    feature: new Uint16Array(nodes),
    threshold: new Float32Array(nodes),
    flags: new Uint8Array(nodes),
    value: new Float32Array(nodes),
    gain: new Float32Array(nodes),
    count: new Uint32Array(nodes),
    sets: new Uint8Array(sets),
  };
  let node = 0;
  let setBytes = 0;
  for (const [t, tree] of trees.entries()) {
    const first = node;
    model.roots[t] = first;
    model.sets.set(tree.sets, setBytes);
    const view = new DataView(tree.nodes.buffer, tree.nodes.byteOffset, tree.nodes.byteLength);
    for (let at = 0; at < tree.nodes.length; at += L.NODE_BYTES, node++) {
      const left = view.getInt32(at, true);
      model.left[node] = left < 0 ? -1 : first + left;
      model.count[node] = view.getUint32(at + L.NODE_ROWS, true);
      if (left < 0) {
        model.value[node] = view.getFloat32(at + L.NODE_VALUE, true) * share;
        continue;
      }
      const f = view.getUint16(at + L.NODE_FEATURE, true);
      const flags = view.getUint8(at + L.NODE_FLAGS);
      const bin = view.getUint8(at + L.NODE_BIN);
      model.feature[node] = f;
      model.flags[node] = flags;
      // Gains grow with the square of the target: from some 1e18 on they leave float32, and must still add up.
      model.gain[node] = Math.min(MOST_FLOAT32, view.getFloat32(at + L.NODE_GAIN, true));
      if (flags & L.BY_SET) model.threshold[node] = setBytes / L.SET_BYTES + view.getInt32(at + L.NODE_VALUE, true);
      // The last bin has no bound: everything that is there goes left.
      else if (bin >= (binCount[f] as number) - 1) model.threshold[node] = Number.POSITIVE_INFINITY;
      else model.threshold[node] = bounds[f * L.MAX_BINS + bin] as number;
    }
    setBytes += tree.sets.length;
  }
  return model;
}

/** What a tree says of a column: the number itself, or the place of its level, NaN where missing or never seen. */
function readable(model: TreeModel, f: number, values: Float32Array): Float32Array {
  const levels = model.levels[f] as Float32Array;
  if (levels.length === 0) return values;
  const places = new Map(Array.from(levels, (level, place) => [level, place]));
  return values.map((value) => places.get(value) ?? Number.NaN);
}

/** The columns of a matrix as `leafOf` reads them, in the model's order. GR-3008 where there are not all of them. */
export const readColumns = (model: TreeModel, matrix: FeatureMatrix): Float32Array[] =>
  columnsOf(model.features, matrix).map((values, f) => readable(model, f, values));

/** Number of the leaf of one tree that a row comes to. */
export function leafOf(model: TreeModel, tree: number, columns: Float32Array[], row: number): number {
  const { left, feature, threshold, flags, sets } = model;
  let node = model.roots[tree] as number;
  for (let next = left[node] as number; next >= 0; next = left[node] as number) {
    const value = (columns[feature[node] as number] as Float32Array)[row] as number;
    const flag = flags[node] as number;
    let goesLeft: boolean;
    if (Number.isNaN(value)) goesLeft = (flag & L.MISSING_LEFT) !== 0;
    else if ((flag & L.BY_SET) === 0) goesLeft = value <= (threshold[node] as number);
    else {
      const byte = sets[(threshold[node] as number) * L.SET_BYTES + (value >> 3)] as number;
      goesLeft = ((byte >> (value & 7)) & 1) === ((flag & L.MISSING_LEFT) !== 0 ? 0 : 1);
    }
    node = goesLeft ? next : next + 1;
  }
  return node;
}

/** Rows whose sums stay in the cache while one tree after the other is walked. */
const BLOCK = 4096;

/** One prediction a row: the sum of its leaves in the order of the trees, in float64, and the link. */
export function predictTrees(model: TreeModel, matrix: FeatureMatrix): Float64Array {
  const columns = readColumns(model, matrix);
  const out = new Float64Array(matrix.rows).fill(model.start);
  const trees = model.roots.length;
  for (let from = 0; from < out.length; from += BLOCK) {
    const to = Math.min(out.length, from + BLOCK);
    for (let tree = 0; tree < trees; tree++) {
      for (let row = from; row < to; row++) {
        out[row] = (out[row] as number) + (model.value[leafOf(model, tree, columns, row)] as number);
      }
    }
  }
  return model.link === 'identity' ? out : out.map(LINKS[model.link]);
}

const LINKS = {
  log: Math.exp,
  logit: (score: number) => 1 / (1 + Math.exp(-score)),
  share: (score: number) => Math.min(1, Math.max(0, score)),
} as const;

/** Total gain of the splits by each feature. */
export function gainImportance({ features, left, feature, gain }: TreeModel): Float64Array {
  const total = new Float64Array(features.length);
  for (let node = 0; node < left.length; node++) {
    if ((left[node] as number) < 0) continue;
    const f = feature[node] as number;
    total[f] = (total[f] as number) + (gain[node] as number);
  }
  return total;
}
