import { checkNumeric, checkTrainingData } from './check.js';
import type { TrainingData } from './learner.js';

/**
 * The matrix that linear learners see: F features, then an indicator (0 or 1) for each of the G features with gaps in the
 * training rows; gaps filled with the median, every column less its mean, divided by its population deviation.
 * This is scikit-learn's `SimpleImputer(strategy='median', add_indicator=True)` before `StandardScaler()`.
 */
export interface Design {
  /** [F] */
  features: string[];
  /** [F] what stands in for a missing value; 0 where the column is all missing. */
  median: Float64Array;
  /** [G] indexes of the features with an indicator, ascending. */
  indicators: Int32Array;
  /** [F + G] */
  mean: Float64Array;
  /** [F + G] population deviation, 1 where the column is constant. */
  scale: Float64Array;
}

/** Rows that are standardised at a time: with 100 columns the block still lies in the second-level cache. */
export const BLOCK = 256;

/**
 * Learns the design from the training rows. Medians, means and deviations are weighted; rows of weight 0 count for nothing.
 * Throws GR-3002 for rows that no learner takes, and for categorical features.
 */
export function fitDesign(learner: string, data: TrainingData): Design {
  checkTrainingData(data);
  checkNumeric(learner, data.features);
  const { rows, features, weights } = data;
  const count = features.length;
  const median = new Float64Array(count);
  const gaps: number[] = [];
  for (let f = 0; f < count; f++) {
    const values = (features[f] as { values: Float32Array }).values;
    const present = presentRows(values, weights);
    if (present.missing) gaps.push(f);
    median[f] =
      weights === undefined ? medianOf(values, present.count) : weightedMedian(values, weights, present.count);
  }
  const indicators = Int32Array.from(gaps);
  const mean = new Float64Array(count + indicators.length);
  const scale = new Float64Array(count + indicators.length).fill(1);
  const column = new Float64Array(rows);
  for (let c = 0; c < mean.length; c++) {
    const f = c < count ? c : (indicators[c - count] as number);
    const values = (features[f] as { values: Float32Array }).values;
    if (c < count) fill(values, median[f] as number, column);
    else indicate(values, column);
    standardise(column, weights, c, mean, scale);
  }
  return { features: features.map(({ name }) => name), median, indicators, mean, scale };
}

/**
 * Writes the standardised columns of rows [from, to) into `out`, column c at [c · BLOCK, c · BLOCK + to − from).
 * A value that is not finite counts as missing, so that every prediction is finite.
 */
export function designBlock(
  design: Design,
  columns: Float32Array[],
  from: number,
  to: number,
  out: Float64Array,
): void {
  const { median, indicators, mean, scale } = design;
  const count = columns.length;
  const rows = to - from;
  for (let c = 0; c < count; c++) {
    const values = columns[c] as Float32Array;
    const standIn = median[c] as number;
    const centre = mean[c] as number;
    const spread = scale[c] as number;
    const at = c * BLOCK;
    for (let r = 0; r < rows; r++) {
      const value = values[from + r] as number;
      // v − v is 0 for finite numbers and NaN for the others.
      out[at + r] = ((value - value === 0 ? value : standIn) - centre) / spread;
    }
  }
  for (let g = 0; g < indicators.length; g++) {
    const values = columns[indicators[g] as number] as Float32Array;
    const centre = mean[count + g] as number;
    const spread = scale[count + g] as number;
    const at = (count + g) * BLOCK;
    for (let r = 0; r < rows; r++) {
      const value = values[from + r] as number;
      out[at + r] = ((value - value === 0 ? 0 : 1) - centre) / spread;
    }
  }
}

/** Rows that hold a value and count; whether a row that counts lacks one. */
function presentRows(values: Float32Array, weights: Float64Array | undefined): { count: number; missing: boolean } {
  let count = 0;
  let missing = false;
  for (let row = 0; row < values.length; row++) {
    if (weights !== undefined && weights[row] === 0) continue;
    if (Number.isNaN(values[row] as number)) missing = true;
    else count++;
  }
  return { count, missing };
}

/** The middle value, or the mean of the two middle ones; 0 where there is none. */
function medianOf(values: Float32Array, present: number): number {
  if (present === 0) return 0;
  // Float32Array sorts NaN to the end.
  const sorted = values.slice().sort();
  const half = present >> 1;
  const upper = sorted[half] as number;
  return present % 2 === 1 ? upper : ((sorted[half - 1] as number) + upper) / 2;
}

/** The median of the rows with each repeated `weight` times, extended to weights that are not whole. */
function weightedMedian(values: Float32Array, weights: Float64Array, present: number): number {
  if (present === 0) return 0;
  const order = new Uint32Array(present);
  let total = 0;
  for (let row = 0, next = 0; row < values.length; row++) {
    if (weights[row] === 0 || Number.isNaN(values[row] as number)) continue;
    order[next++] = row;
    total += weights[row] as number;
  }
  order.sort((a, b) => (values[a] as number) - (values[b] as number) || a - b);
  let below = 0;
  for (let i = 0; i < present; i++) {
    const row = order[i] as number;
    below += weights[row] as number;
    if (below * 2 > total || i === present - 1) return values[row] as number;
    if (below * 2 === total) return ((values[row] as number) + (values[order[i + 1] as number] as number)) / 2;
  }
  return 0;
}

function fill(values: Float32Array, standIn: number, out: Float64Array): void {
  for (let row = 0; row < values.length; row++) {
    const value = values[row] as number;
    out[row] = Number.isNaN(value) ? standIn : value;
  }
}

function indicate(values: Float32Array, out: Float64Array): void {
  for (let row = 0; row < values.length; row++) out[row] = Number.isNaN(values[row] as number) ? 1 : 0;
}

/** Mean and deviation in two passes, the mean corrected by what the second pass leaves over. */
function standardise(
  column: Float64Array,
  weights: Float64Array | undefined,
  c: number,
  mean: Float64Array,
  scale: Float64Array,
): void {
  let total = 0;
  let sum = 0;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < column.length; row++) {
    const weight = weights === undefined ? 1 : (weights[row] as number);
    if (weight === 0) continue;
    const value = column[row] as number;
    total += weight;
    sum += weight * value;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  // Exactly: the mean of equal numbers need not be that number, and the rest would be blown up to deviations of 1.
  if (low === high) {
    mean[c] = low;
    return;
  }
  const rough = sum / total;
  let left = 0;
  let squares = 0;
  for (let row = 0; row < column.length; row++) {
    const weight = weights === undefined ? 1 : (weights[row] as number);
    const difference = (column[row] as number) - rough;
    left += weight * difference;
    squares += weight * difference * difference;
  }
  mean[c] = rough + left / total;
  const variance = squares / total - (left / total) ** 2;
  // Not above 0 where all but one value weigh next to nothing.
  if (variance > 0) scale[c] = Math.sqrt(variance);
}
