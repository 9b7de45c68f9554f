import { z } from 'zod';
import { GeorefreshError } from '../../config/errors.js';
import { solveSymmetric } from './cholesky.js';
import { BLOCK, type Design, designBlock, fitDesign } from './design.js';
import { addProducts, weigh } from './gram.js';
import type { FeatureMatrix, Learner, LearnHooks, OnnxMetadata, TrainingData } from './learner.js';
import { linearGraph } from './linear-graph.js';
import { encodeModel, ONNX_OUTPUT, type OnnxGraph } from './onnx.js';
import { type LinearScore, linearScore, slopeImportance } from './ridge.js';

const logisticParams = z.strictObject({
  C: z.number().gt(0).default(1).describe('inverse strength of the penalty on squared coefficients'),
  maxIter: z.int().min(1).max(10_000).default(100).describe('Newton steps at most'),
});
export type LogisticParams = z.infer<typeof logisticParams>;

export interface LogisticModel extends LinearScore {
  C: number;
}

/** Steps smaller than this in every coefficient end the search. */
const TOLERANCE = 1e-9;
/** Halvings of a step that would raise the loss. */
const HALVINGS = 30;

interface Newton {
  loss: number;
  /** Gradient of the loss, and its second derivatives (lower triangle). */
  gradient: Float64Array;
  hessian: Float64Array;
}

/**
 * Logistic regression of classes 0 and 1: minimises Σ w (ln(1 + e^s) − y s) + |β|² / 2C over s = b + z·β with the standardised
 * columns z of `Design`, b unpenalised, by Newton steps that never raise the loss (iteratively reweighted least squares).
 *
 * Throws GR-3002 for a target that is neither 0 nor 1, for one class alone, and where the search does not end.
 */
function fitLogistic(data: TrainingData, { C, maxIter }: LogisticParams, hooks: LearnHooks = {}): LogisticModel {
  const design = fitDesign('logistic', data);
  checkClasses(data);
  const columns = data.features.map(({ values }) => values);
  const width = design.mean.length;
  let beta: Float64Array = new Float64Array(width + 1);
  let at = evaluate(design, columns, data, beta, C);
  for (let step = 0; step < maxIter; step++) {
    hooks.onProgress?.(step, maxIter);
    // The intercept is the last column, so that it is kept where a column is constant.
    const { solution } = solveSymmetric(at.hessian.slice(), at.gradient);
    let share = 1;
    for (let halving = 0; ; halving++, share /= 2) {
      const next = beta.map((value, c) => value - share * (solution[c] as number));
      const there = evaluate(design, columns, data, next, C);
      if (there.loss <= at.loss || halving === HALVINGS) {
        const moved = solution.reduce((most, value) => Math.max(most, Math.abs(share * value)), 0);
        if (there.loss <= at.loss) {
          beta = next;
          at = there;
        }
        if (moved < TOLERANCE || halving === HALVINGS) {
          hooks.onProgress?.(maxIter, maxIter);
          return {
            learner: 'logistic',
            ...design,
            C,
            coefficient: beta.slice(0, width),
            intercept: beta[width] as number,
          };
        }
        break;
      }
    }
  }
  throw new GeorefreshError('GR-3002', `logistic regression did not settle in ${maxIter} steps`);
}

function checkClasses({ target, weights }: TrainingData): void {
  const row = target.findIndex((value) => value !== 0 && value !== 1);
  if (row >= 0) throw new GeorefreshError('GR-3002', `a class is neither 0 nor 1 in row ${row}`);
  const has = (wanted: number) => target.some((value, i) => value === wanted && weights?.[i] !== 0);
  if (!has(0) || !has(1)) throw new GeorefreshError('GR-3002', 'all rows are of one class');
}

/** Loss, gradient and hessian at some coefficients, summed block by block in row order. */
function evaluate(
  design: Design,
  columns: Float32Array[],
  { rows, target, weights }: TrainingData,
  beta: Float64Array,
  C: number,
): Newton {
  const width = beta.length;
  const padded = (width + 1) & ~1;
  const block = new Float64Array(padded * BLOCK);
  const curvature = new Float64Array(BLOCK);
  const sums = new Float64Array(padded * padded);
  const gradient = new Float64Array(width);
  let loss = 0;
  for (let from = 0; from < rows; from += BLOCK) {
    const count = Math.min(BLOCK, rows - from);
    designBlock(design, columns, from, from + count, block);
    block.fill(1, (width - 1) * BLOCK, width * BLOCK);
    for (let r = 0; r < count; r++) {
      let score = 0;
      for (let c = 0; c < width; c++) score += (beta[c] as number) * (block[c * BLOCK + r] as number);
      const weight = weights === undefined ? 1 : (weights[from + r] as number);
      const y = target[from + r] as number;
      const tail = Math.exp(-Math.abs(score));
      const p = score >= 0 ? 1 / (1 + tail) : tail / (1 + tail);
      loss += weight * (Math.max(score, 0) + Math.log1p(tail) - y * score);
      curvature[r] = weight * p * (1 - p);
      const slope = weight * (p - y);
      for (let c = 0; c < width; c++) gradient[c] = (gradient[c] as number) + slope * (block[c * BLOCK + r] as number);
    }
    weigh(block, width, curvature, 0, count);
    addProducts(block, padded, count, sums);
  }
  const hessian = new Float64Array(width * width);
  for (let i = 0; i < width; i++) for (let j = 0; j <= i; j++) hessian[i * width + j] = sums[i * padded + j] as number;
  for (let c = 0; c < width - 1; c++) {
    const value = beta[c] as number;
    loss += (value * value) / (2 * C);
    gradient[c] = (gradient[c] as number) + value / C;
    hessian[c * width + c] = (hessian[c * width + c] as number) + 1 / C;
  }
  return { loss, gradient, hessian };
}

function predict(model: LogisticModel, matrix: FeatureMatrix): Float64Array {
  return linearScore(model, matrix).map((score) => 1 / (1 + Math.exp(-score)));
}

function toGraph(model: LogisticModel): OnnxGraph {
  const graph = linearGraph(model, 'score');
  graph.node('Sigmoid', ['score'], ONNX_OUTPUT);
  return graph;
}

const toOnnx = (model: LogisticModel, metadata: OnnxMetadata): Uint8Array =>
  encodeModel(toGraph(model), model, metadata, { C: String(model.C) });

/** Logistic regression, `C` as scikit-learn's. */
export const logistic = {
  name: 'logistic',
  schema: logisticParams,
  scaleOf: () => 'probability',
  fit: fitLogistic,
  predict,
  toOnnx,
  toGraph,
  importance: slopeImportance,
} satisfies Learner<LogisticParams, LogisticModel>;
