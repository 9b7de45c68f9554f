import * as L from '../assembly/layout.js';
import { checkTrainingData } from '../check.js';
import type { Learner, LearnHooks, TrainingData } from '../learner.js';
import { checkObjective, checkSize, setRows } from './boosting.js';
import { treesToGraph, treesToOnnx } from './graph.js';
import { growTrees } from './grow.js';
import { KernelMemory } from './memory.js';
import { gainImportance, modelOf, predictTrees, type TreeModel } from './model.js';
import { type ForestParams, forestSchema, type TreeParams, treeSchema } from './options.js';
import { meanOver, splitRows } from './rows.js';

/**
 * Trees that predict the mean of their leaves, and the mean of such trees (Breiman 2001): splits by least squares, which for
 * classes 0 and 1 is Gini's, on histograms. Each tree is grown by one thread, and depends on its number alone: the model is the
 * same for any number of threads. A row that is drawn twice counts as two, in `minDataInLeaf` also.
 *
 * Bad rows as for boosting; throws GR-3002 for what is refused, GR-3007 beyond 4 GiB.
 */
async function fitForest(
  learner: string,
  data: TrainingData,
  params: ForestParams,
  hooks: LearnHooks = {},
): Promise<TreeModel> {
  checkTrainingData(data, { infinities: true });
  checkSize(data);
  checkObjective(data, params);
  const { rows, features } = data;
  const split = splitRows(data, 0, params.seed);
  const threads = Math.min(hooks.threads ?? 1, params.numIterations);
  const memory = new KernelMemory({
    rows,
    features: features.length,
    threads,
    maxBin: params.maxBin,
    numLeaves: 1,
    weighted: data.weights !== undefined,
    categorical: features.some(({ categorical }) => categorical === true),
    trainRows: split.train.length,
    validRows: 0,
    forest: true,
  });
  setRows(memory, data, split);
  setParameters(memory, params, features.length);
  const start = meanOver(data, split.train);
  memory.doubles(L.A_SCORE, rows).fill(start);
  const total = params.numIterations;
  const { trees, binned } = await growTrees(memory, features, { kernel: 'forest', threads, total, hooks });
  return modelOf(
    trees.sort((a, b) => a.round - b.round),
    {
      learner,
      link: params.objective === 'binary' ? 'share' : 'identity',
      start,
      share: 1 / total,
      ...binned,
    },
  );
}

function setParameters(memory: KernelMemory, params: ForestParams, features: number): void {
  memory.set(L.OBJECTIVE, L.SQUARED);
  memory.set(L.ITERATIONS, params.numIterations);
  memory.set(L.MAX_DEPTH, params.maxDepth);
  memory.set(L.MIN_DATA, params.minDataInLeaf);
  memory.set(L.SEED, params.seed);
  memory.set(L.BOOTSTRAP, params.bootstrap ? 1 : 0);
  memory.set(L.FEATURE_QUOTA, Math.max(1, Math.round(params.featureFraction * features)));
  memory.setParam(L.MIN_GAIN, params.minGainToSplit);
  memory.setParam(L.LEARNING_RATE, 1);
  memory.setParam(L.CAT_SMOOTH, params.catSmooth);
  memory.setParam(L.CAT_L2, params.catL2);
}

const shared = {
  ownThreads: true,
  predict: predictTrees,
  toOnnx: treesToOnnx,
  toGraph: treesToGraph,
  importance: gainImportance,
};

/** Random forest; `featureFraction` is drawn anew at each node. */
export const forest = {
  name: 'forest',
  schema: forestSchema,
  scaleOf: ({ objective }: ForestParams) => (objective === 'binary' ? 'probability' : 'count'),
  fit: (data: TrainingData, params: ForestParams, hooks?: LearnHooks) => fitForest('forest', data, params, hooks),
  ...shared,
} satisfies Learner<ForestParams, TreeModel>;

/** One decision tree. */
export const tree = {
  name: 'tree',
  schema: treeSchema,
  scaleOf: ({ objective }: TreeParams) => (objective === 'binary' ? 'probability' : 'count'),
  fit: (data: TrainingData, params: TreeParams, hooks?: LearnHooks) =>
    fitForest('tree', data, { ...params, numIterations: 1, bootstrap: false }, hooks),
  ...shared,
} satisfies Learner<TreeParams, TreeModel>;
