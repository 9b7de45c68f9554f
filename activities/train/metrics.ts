import type { Metric } from '../../config/definition/model.js';
import { GeorefreshError } from '../../config/errors.js';
import { midRanks, rankRows } from './ranking.js';
import { seriesBeating, seriesMase } from './series-metrics.js';

/** Predictions beside what came true. The order of rows by prediction is worked out once, when first asked for. */
export interface Judged {
  target: Float64Array;
  prediction: Float64Array;
  /** Further columns of the rows, which some metrics read; texts as codes. */
  columns?: Record<string, Float64Array>;
  /** Rows from the highest prediction to the lowest. */
  order(): Uint32Array;
}

/** `keyof` of each member of the union, not of what they share. */
type KeyOf<T> = T extends T ? keyof T : never;
export type MetricName = KeyOf<Metric>;
type ParamsOf<K extends MetricName> = Extract<Metric, Record<K, unknown>>[K &
  keyof Extract<Metric, Record<K, unknown>>];

export interface MetricDefinition<P> {
  better: 'higher' | 'lower';
  /** Reads the size of predictions, not only their order: means nothing for predictions on the scale of ranks. */
  readsSize: boolean;
  /** NaN where the metric is not defined on these rows. */
  compute(judged: Judged, params: P): number;
}

/**
 * Pairs predictions with targets. Throws GR-3002 where lengths differ, or where a value is missing or infinite.
 *
 * @param ties order of rows with equal predictions, see `tieOrder`
 */
export function judge(
  target: Float64Array,
  prediction: Float64Array,
  ties?: Uint32Array,
  columns: Record<string, Float64Array> = {},
): Judged {
  if (prediction.length !== target.length || (ties !== undefined && ties.length !== target.length)) {
    throw new GeorefreshError('GR-3002', `there are ${prediction.length} predictions for ${target.length} rows`);
  }
  const wrong = prediction.findIndex((value, row) => !Number.isFinite(value) || !Number.isFinite(target[row]));
  if (wrong >= 0) {
    const values = `target ${target[wrong]}, prediction ${prediction[wrong]}`;
    throw new GeorefreshError('GR-3002', `metrics need finite numbers, and row ${wrong} has ${values}`);
  }
  let order: Uint32Array | undefined;
  return {
    target,
    prediction,
    columns,
    order: () => {
      order ??= rankRows(prediction, ties);
      return order;
    },
  };
}

/** Number of rows in the top share, rounded up; a product that only rounding lifts above a whole number is that number. */
export const topRows = (share: number, rows: number): number => Math.ceil(share * rows * (1 - 2 ** -50));

/** Share of the total target found in the top share of rows by prediction. Undefined unless the total is above 0. */
function capture({ target, order }: Judged, { share }: { share: number }): number {
  const rows = order();
  const top = topRows(share, rows.length);
  let found = 0;
  for (let i = 0; i < top; i++) found += target[rows[i] as number] as number;
  const all = sum(target);
  return all > 0 ? found / all : Number.NaN;
}

/**
 * Normalised discounted cumulative gain of the first k rows, gain = target, discount log2(place + 1) (Järvelin and
 * Kekäläinen 2002, as scikit-learn's `ndcg_score` for untied predictions). Undefined for negative or all-zero targets.
 */
function ndcg({ target, order }: Judged, { k }: { k: number }): number {
  const rows = order();
  const top = Math.min(k, rows.length);
  const best = target.slice().sort();
  if (!((best[0] ?? 0) >= 0)) return Number.NaN;
  let gain = 0;
  let ideal = 0;
  for (let i = 0; i < top; i++) {
    const discount = Math.log2(i + 2);
    gain += (target[rows[i] as number] as number) / discount;
    ideal += (best[best.length - 1 - i] as number) / discount;
  }
  return ideal > 0 ? gain / ideal : Number.NaN;
}

/**
 * Area under the ROC curve of "target above `above`": the chance that such a row is predicted higher than another one, ties
 * counting half (Mann-Whitney U by mid-ranks). Undefined where one of the classes is empty.
 */
function auc({ target, prediction }: Judged, { above }: { above: number }): number {
  const ranks = midRanks(prediction);
  let positives = 0;
  let rankSum = 0;
  for (let row = 0; row < target.length; row++) {
    if ((target[row] as number) <= above) continue;
    positives++;
    rankSum += ranks[row] as number;
  }
  const pairs = positives * (target.length - positives);
  return pairs === 0 ? Number.NaN : (rankSum - (positives * (positives + 1)) / 2) / pairs;
}

/** Spearman's rank correlation: Pearson's on mid-ranks. Undefined where either side is constant. */
function spearman({ target, prediction }: Judged): number {
  const x = midRanks(prediction);
  const y = midRanks(target);
  const middle = (x.length + 1) / 2;
  let xy = 0;
  let xx = 0;
  let yy = 0;
  for (let row = 0; row < x.length; row++) {
    const dx = (x[row] as number) - middle;
    const dy = (y[row] as number) - middle;
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : Number.NaN;
}

/** Mean absolute error, in the target's unit. */
function mae({ target, prediction }: Judged): number {
  let total = 0;
  for (let row = 0; row < target.length; row++) {
    total += Math.abs((target[row] as number) - (prediction[row] as number));
  }
  return total / target.length;
}

/** Root of the mean squared error, in the target's unit. */
const rmse = (judged: Judged): number => Math.sqrt(squaredError(judged) / judged.target.length);

/** Share of the target's variance that the predictions explain; below 0 for worse than its mean. Undefined for a constant target. */
function r2(judged: Judged): number {
  const { target } = judged;
  const mean = sum(target) / target.length;
  let spread = 0;
  for (let row = 0; row < target.length; row++) spread += ((target[row] as number) - mean) ** 2;
  const constant = target.every((value) => value === target[0]);
  return constant ? Number.NaN : 1 - squaredError(judged) / spread;
}

interface Classes {
  above: number;
  threshold: number;
}

/** Rows by true and predicted class. */
function confusion({ target, prediction }: Judged, { above, threshold }: Classes) {
  const counts = { truePositive: 0, falsePositive: 0, falseNegative: 0, trueNegative: 0 };
  for (let row = 0; row < target.length; row++) {
    const positive = (target[row] as number) > above;
    if ((prediction[row] as number) >= threshold) counts[positive ? 'truePositive' : 'falsePositive']++;
    else counts[positive ? 'falseNegative' : 'trueNegative']++;
  }
  return counts;
}

function accuracy(judged: Judged, classes: Classes): number {
  const { truePositive, trueNegative } = confusion(judged, classes);
  return (truePositive + trueNegative) / judged.target.length;
}

/** Undefined where no row is positive, neither in truth nor by prediction. */
function f1(judged: Judged, classes: Classes): number {
  const { truePositive, falsePositive, falseNegative } = confusion(judged, classes);
  return (2 * truePositive) / (2 * truePositive + falsePositive + falseNegative);
}

/** Probabilities are kept one rounding away from 0 and 1, as scikit-learn does. Undefined for other targets than 0 and 1. */
function logLoss({ target, prediction }: Judged): number {
  if (!target.every(isClass)) return Number.NaN;
  let total = 0;
  for (let row = 0; row < target.length; row++) {
    const p = Math.min(1 - Number.EPSILON, Math.max(Number.EPSILON, prediction[row] as number));
    total -= target[row] === 1 ? Math.log(p) : Math.log1p(-p);
  }
  return total / target.length;
}

const isClass = (value: number): boolean => value === 0 || value === 1;

/** Undefined for other targets than 0 and 1. */
const brier = (judged: Judged): number =>
  judged.target.every(isClass) ? squaredError(judged) / judged.target.length : Number.NaN;

/** Koenker and Bassett 1978: α of what is missed from below, 1 − α of what is missed from above. */
function pinball({ target, prediction }: Judged, { alpha }: { alpha: number }): number {
  let total = 0;
  for (let row = 0; row < target.length; row++) {
    const missed = (target[row] as number) - (prediction[row] as number);
    total += Math.max(alpha * missed, (alpha - 1) * missed);
  }
  return total / target.length;
}

function squaredError({ target, prediction }: Judged): number {
  let total = 0;
  for (let row = 0; row < target.length; row++) {
    total += ((target[row] as number) - (prediction[row] as number)) ** 2;
  }
  return total;
}

function sum(values: Float64Array): number {
  let total = 0;
  for (let row = 0; row < values.length; row++) total += values[row] as number;
  return total;
}

/** Every metric that a definition may name. */
export const METRICS: { readonly [K in MetricName]: MetricDefinition<ParamsOf<K>> } = {
  capture: { better: 'higher', readsSize: false, compute: capture },
  ndcg: { better: 'higher', readsSize: false, compute: ndcg },
  auc: { better: 'higher', readsSize: false, compute: auc },
  spearman: { better: 'higher', readsSize: false, compute: spearman },
  mae: { better: 'lower', readsSize: true, compute: mae },
  rmse: { better: 'lower', readsSize: true, compute: rmse },
  r2: { better: 'higher', readsSize: true, compute: r2 },
  accuracy: { better: 'higher', readsSize: true, compute: accuracy },
  f1: { better: 'higher', readsSize: true, compute: f1 },
  log_loss: { better: 'lower', readsSize: true, compute: logLoss },
  brier: { better: 'lower', readsSize: true, compute: brier },
  pinball: { better: 'lower', readsSize: true, compute: pinball },
  mase: { better: 'lower', readsSize: true, compute: (judged, { scale }) => mae(judged) / scale },
  series_mase: { better: 'lower', readsSize: true, compute: seriesMase },
  series_beating: { better: 'higher', readsSize: true, compute: seriesBeating },
};

/** The definition that a metric of a pipeline names, with its parameters bound. */
export function metricOf(metric: Metric): MetricDefinition<void> {
  const [name, params] = Object.entries(metric)[0] as [MetricName, never];
  const { better, readsSize, compute } = METRICS[name] as MetricDefinition<never>;
  return { better, readsSize, compute: (judged) => compute(judged, params) };
}
