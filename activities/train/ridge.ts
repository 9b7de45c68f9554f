import { z } from 'zod';
import { GeorefreshError } from '../../config/errors.js';
import { columnsOf } from './check.js';
import { solveSymmetric } from './cholesky.js';
import { BLOCK, type Design, designBlock, fitDesign } from './design.js';
import { normalEquations } from './gram.js';
import type { FeatureMatrix, Learner, LearnHooks, Model, OnnxMetadata, TrainingData } from './learner.js';
import { linearGraph } from './linear-graph.js';
import { encodeModel, type OnnxGraph } from './onnx.js';

const ridgeParams = z.strictObject({
  alpha: z.number().nonnegative().default(1).describe('strength of the penalty on squared coefficients'),
});
const linearParams = z.strictObject({});

export type RidgeParams = z.infer<typeof ridgeParams>;
export type LinearParams = z.infer<typeof linearParams>;

export interface LinearModel extends LinearScore {
  alpha: number;
  /** Columns with coefficient 0 for a cause: all missing, constant, or a combination of earlier ones. Indicators are `name is missing`. */
  unused: string[];
}

/**
 * Ridge regression: minimises Σ w (y − b − z·β)² + α |β|² over the standardised columns z of `Design`, the intercept b
 * unpenalised, by Cholesky on the normal equations in float64.
 *
 * A constant or all-missing column, a single row and a constant target give coefficients 0 (so the prediction is the mean);
 * at α = 0 a column that is a combination of earlier ones is left out. See `checkTrainingData` for what is refused (GR-3002).
 */
function fitLinear(learner: string, data: TrainingData, alpha: number, hooks: LearnHooks = {}): LinearModel {
  const design = fitDesign(learner, data);
  const { target, weights } = data;
  const columns = data.features.map(({ values }) => values);
  const intercept = meanOf(target, weights);
  const { gram, right } = normalEquations(design, columns, target, intercept, weights, hooks);
  const width = right.length;
  const unused = new Set<number>();
  for (let c = 0; c < width; c++) {
    if (gram[c * width + c] === 0) unused.add(c);
    gram[c * width + c] = (gram[c * width + c] as number) + alpha;
  }
  const { solution, dependent } = solveSymmetric(gram, right);
  for (const c of dependent) unused.add(c);
  if (!Number.isFinite(intercept) || !solution.every(Number.isFinite)) {
    throw new GeorefreshError('GR-3002', 'the target is so large that sums of it overflow');
  }
  const columnName = (c: number) =>
    design.features[c] ?? `${design.features[design.indicators[c - design.features.length] as number]} is missing`;
  return {
    learner,
    ...design,
    alpha,
    coefficient: solution,
    intercept,
    unused: [...unused].sort((a, b) => a - b).map(columnName),
  };
}

function meanOf(target: Float64Array, weights: Float64Array | undefined): number {
  let total = 0;
  let sum = 0;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < target.length; row++) {
    const weight = weights === undefined ? 1 : (weights[row] as number);
    if (weight === 0) continue;
    const value = target[row] as number;
    total += weight;
    sum += weight * value;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  // A constant target leaves exactly nothing to explain.
  return low === high ? low : sum / total;
}

/** What a linear predictor is, whatever it was fitted by. */
export interface LinearScore extends Model, Design {
  /** [F + G] per standardised column. */
  coefficient: Float64Array;
  intercept: number;
}

/** b + z·β a row; always finite, as whatever is not finite counts as missing. */
export function linearScore(model: LinearScore, matrix: FeatureMatrix): Float64Array {
  const columns = columnsOf(model.features, matrix);
  const { coefficient, intercept } = model;
  const out = new Float64Array(matrix.rows).fill(intercept);
  const block = new Float64Array(coefficient.length * BLOCK);
  for (let from = 0; from < out.length; from += BLOCK) {
    const rows = Math.min(out.length - from, BLOCK);
    designBlock(model, columns, from, from + rows, block);
    for (let c = 0; c < coefficient.length; c++) {
      const factor = coefficient[c] as number;
      const at = c * BLOCK;
      for (let r = 0; r < rows; r++) out[from + r] = (out[from + r] as number) + factor * (block[at + r] as number);
    }
  }
  return out;
}

/** |β| of the standardised column, its indicator's added: deviations of the target's unit per deviation of the feature. */
export function slopeImportance({ features, indicators, coefficient }: LinearScore): Float64Array {
  const sizes = Float64Array.from(features, (_, f) => Math.abs(coefficient[f] as number));
  for (let g = 0; g < indicators.length; g++) {
    const f = indicators[g] as number;
    sizes[f] = (sizes[f] as number) + Math.abs(coefficient[features.length + g] as number);
  }
  return sizes;
}

const toGraph = (model: LinearModel): OnnxGraph => linearGraph(model);

const toOnnx = (model: LinearModel, metadata: OnnxMetadata): Uint8Array =>
  encodeModel(toGraph(model), model, metadata, { alpha: String(model.alpha) });

/** Ridge regression, `alpha` as scikit-learn's `Ridge`. */
export const ridge = {
  name: 'ridge',
  schema: ridgeParams,
  scaleOf: () => 'count',
  fit: (data: TrainingData, { alpha }: RidgeParams, hooks?: LearnHooks) => fitLinear('ridge', data, alpha, hooks),
  predict: linearScore,
  toOnnx,
  toGraph,
  importance: slopeImportance,
} satisfies Learner<RidgeParams, LinearModel>;

/** Ordinary least squares: ridge without a penalty. */
export const linear = {
  name: 'linear',
  schema: linearParams,
  scaleOf: () => 'count',
  fit: (data: TrainingData, _params: LinearParams, hooks?: LearnHooks) => fitLinear('linear', data, 0, hooks),
  predict: linearScore,
  toOnnx,
  toGraph,
  importance: slopeImportance,
} satisfies Learner<LinearParams, LinearModel>;
