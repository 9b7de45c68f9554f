import { GeorefreshError } from '../../../config/errors.js';
import * as L from '../assembly/layout.js';
import { checkTrainingData } from '../check.js';
import type { Learner, LearnHooks, Scale, TrainingData } from '../learner.js';
import { treesToGraph, treesToOnnx } from './graph.js';
import { growTrees } from './grow.js';
import type { RawTree } from './kernel.js';
import { KernelMemory } from './memory.js';
import { gainImportance, type Link, modelOf, predictTrees, type TreeModel } from './model.js';
import { type BoostingParams, boostingSchema } from './options.js';
import { meanOver, quantileOver, type RowSplit, splitRows } from './rows.js';

/** Features that a node can name. */
const MOST_FEATURES = 65_535;
/** Leaves are float32, and a step may be as long as two targets lie apart. */
const MOST_TARGET = 2 ** 126;

const OBJECTIVES: Record<BoostingParams['objective'], { code: number; link: Link; scale: Scale }> = {
  regression: { code: L.SQUARED, link: 'identity', scale: 'count' },
  poisson: { code: L.POISSON, link: 'log', scale: 'count' },
  binary: { code: L.LOGISTIC, link: 'logit', scale: 'probability' },
  quantile: { code: L.QUANTILE, link: 'identity', scale: 'count' },
};

/**
 * Gradient boosting of trees on histograms (Ke et al. 2017, LightGBM), leaf-wise or depth-wise. The same rows, parameters and
 * seed give the same model to the bit, whatever the number of threads.
 *
 * A constant target gives its constant; a column that is missing throughout is not used; infinities are extreme values; rows of
 * weight 0 count for nothing. Throws GR-3002 for what `checkTrainingData`, `checkSize` or `checkObjective` refuses, GR-3007 beyond 4 GiB.
 */
async function fitBoosting(data: TrainingData, params: BoostingParams, hooks: LearnHooks = {}): Promise<TreeModel> {
  checkTrainingData(data, { infinities: true });
  checkSize(data);
  const held = params.earlyStoppingRounds > 0 ? params.validationFraction : 0;
  const split = splitRows(data, held, params.seed);
  checkObjective(data, params);
  const threads = hooks.threads ?? 1;
  const { rows, features } = data;
  const memory = new KernelMemory({
    rows,
    features: features.length,
    threads,
    maxBin: params.maxBin,
    numLeaves: Math.min(params.numLeaves, Math.max(2, split.train.length), leavesWithin(params.maxDepth)),
    weighted: data.weights !== undefined,
    categorical: features.some(({ categorical }) => categorical === true),
    trainRows: split.train.length,
    validRows: split.valid.length,
    forest: false,
  });
  setRows(memory, data, split);
  setParameters(memory, params, features);
  const start = startOf(data, params, split);
  memory.doubles(L.A_SCORE, rows).fill(start);
  const { trees, binned } = await growTrees(memory, features, {
    kernel: 'boost',
    threads,
    total: params.numIterations,
    hooks,
  });
  return modelOf(kept(trees, split.valid.length > 0), {
    learner: 'gbdt',
    link: OBJECTIVES[params.objective].link,
    start,
    share: 1,
    ...binned,
  });
}

const refuse = (detail: string): never => {
  throw new GeorefreshError('GR-3002', detail);
};

/** What trees ask of the size of their data. */
export function checkSize({ features, target }: TrainingData): void {
  if (features.length > MOST_FEATURES)
    refuse(`there are ${features.length} features, and trees read ${MOST_FEATURES} at most`);
  const row = target.findIndex((value) => Math.abs(value) >= MOST_TARGET);
  if (row >= 0)
    refuse(`the target is ${target[row]} in row ${row}, and trees predict up to ${MOST_TARGET}: scale it down`);
}

/** Classes are 0 and 1, and both are there; counts are not negative, and not all 0; in the rows that weigh anything. */
export function checkObjective(
  { target, weights, features }: TrainingData,
  { objective, monotoneConstraints = {} }: Pick<BoostingParams, 'objective'> & Partial<BoostingParams>,
): void {
  const counts = (wanted: (value: number) => boolean) =>
    target.some((value, row) => weights?.[row] !== 0 && wanted(value));
  if (objective === 'poisson') {
    const row = target.findIndex((value) => value < 0);
    if (row >= 0) refuse(`a count is negative in row ${row}`);
    if (!counts((value) => value > 0)) refuse('all counts are 0');
  }
  if (objective === 'binary') {
    const row = target.findIndex((value) => value !== 0 && value !== 1);
    if (row >= 0) refuse(`a class is neither 0 nor 1 in row ${row}`);
    for (const only of [0, 1]) if (!counts((value) => value !== only)) refuse(`all rows are of class ${only}`);
  }
  const names = new Map(features.map((feature) => [feature.name, feature]));
  for (const [name, direction] of Object.entries(monotoneConstraints)) {
    const feature = names.get(name);
    if (feature === undefined) refuse(`a monotone constraint names ${name}, which is no feature`);
    if (feature?.categorical === true && direction !== 0) refuse(`${name} has levels, and no direction`);
  }
}

/** Trees up to the one with the least loss on the rows held out; those without a split add nothing. */
function kept(trees: RawTree[], heldOut: boolean): RawTree[] {
  let last = trees.length;
  if (heldOut) {
    let best = Number.POSITIVE_INFINITY;
    for (const [i, { loss }] of trees.entries()) {
      if (loss < best) {
        best = loss;
        last = i + 1;
      }
    }
  }
  return trees.slice(0, last).filter(({ nodes }) => nodes.length > 0);
}

const leavesWithin = (depth: number): number => (depth > 0 && depth < 31 ? 2 ** depth : 2 ** 31);

/** Targets, weights and lists of rows. */
export function setRows(
  memory: KernelMemory,
  { rows, target, weights }: TrainingData,
  { train, valid }: RowSplit,
): void {
  memory.doubles(L.A_TARGET, rows).set(target);
  if (weights !== undefined) memory.doubles(L.A_WEIGHT, rows).set(weights);
  if (train.length < rows) memory.ints(L.A_TRAIN, train.length).set(train);
  if (valid.length > 0) memory.ints(L.A_VALID, valid.length).set(valid);
  // The count of all rows stands above the bits of the hessians' sum, in 63 bits.
  memory.set(L.HESSIAN_BITS, 63 - Math.ceil(Math.log2(rows + 1)));
}

function setParameters(memory: KernelMemory, params: BoostingParams, features: TrainingData['features']): void {
  memory.set(L.OBJECTIVE, OBJECTIVES[params.objective].code);
  memory.set(L.ITERATIONS, params.numIterations);
  memory.set(L.MAX_DEPTH, params.maxDepth);
  memory.set(L.MIN_DATA, params.minDataInLeaf);
  memory.set(L.DEPTH_WISE, params.growth === 'depth' ? 1 : 0);
  memory.set(L.SEED, params.seed);
  memory.set(L.PATIENCE, params.earlyStoppingRounds);
  memory.set(L.FEATURE_QUOTA, Math.max(1, Math.round(params.featureFraction * features.length)));
  memory.set(L.BAGGING, params.baggingFraction < 1 ? 1 : 0);
  memory.setParam(L.LAMBDA_L1, params.lambdaL1);
  memory.setParam(L.LAMBDA_L2, params.lambdaL2);
  memory.setParam(L.MIN_GAIN, params.minGainToSplit);
  memory.setParam(L.MIN_HESSIAN, params.minSumHessianInLeaf);
  memory.setParam(L.LEARNING_RATE, params.learningRate);
  memory.setParam(L.ALPHA, params.alpha);
  memory.setParam(L.MAX_DELTA, params.poissonMaxDeltaStep);
  memory.setParam(L.BAGGING_FRACTION, params.baggingFraction);
  memory.setParam(L.CAT_SMOOTH, params.catSmooth);
  memory.setParam(L.CAT_L2, params.catL2);
  const directions = memory.bytes(L.A_DIRECTION, features.length);
  for (const [f, { name }] of features.entries()) directions[f] = params.monotoneConstraints[name] ?? 0;
  memory.set(L.MONOTONE, directions.some((direction) => direction !== 0) ? 1 : 0);
}

/** The score that is best for all rows alike. */
function startOf(data: TrainingData, { objective, alpha }: BoostingParams, { train }: RowSplit): number {
  if (objective === 'quantile') return quantileOver(data, train, alpha);
  const mean = meanOver(data, train);
  if (objective === 'regression') return mean;
  // Where the rows held out have all of a class, or all counts, the start stays finite.
  if (objective === 'poisson') return Math.log(Math.max(mean, Number.MIN_VALUE));
  const share = Math.min(1 - 1e-12, Math.max(1e-12, mean));
  return Math.log(share / (1 - share));
}

/** Gradient boosting, with the options of LightGBM. */
export const gbdt = {
  name: 'gbdt',
  ownThreads: true,
  schema: boostingSchema,
  scaleOf: ({ objective }: BoostingParams) => OBJECTIVES[objective].scale,
  fit: fitBoosting,
  predict: predictTrees,
  toOnnx: treesToOnnx,
  toGraph: treesToGraph,
  importance: gainImportance,
} satisfies Learner<BoostingParams, TreeModel>;
