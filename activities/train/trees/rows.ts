import { GeorefreshError } from '../../../config/errors.js';
import type { TrainingData } from '../learner.js';

/** Rows that trees grow on, and those held out; both in ascending order. */
export interface RowSplit {
  train: Int32Array;
  valid: Int32Array;
}

/**
 * Rows of weight 0 count for nothing and are left out; of the others, `fraction` is held out by a seeded draw. Throws GR-3002
 * where that leaves one side empty.
 */
export function splitRows({ rows, weights }: TrainingData, fraction: number, seed: number): RowSplit {
  const draw = generator(seed);
  const train: number[] = [];
  const valid: number[] = [];
  for (let row = 0; row < rows; row++) {
    if (weights !== undefined && weights[row] === 0) continue;
    (fraction > 0 && draw() < fraction ? valid : train).push(row);
  }
  if (fraction > 0 && (valid.length === 0 || train.length === 0)) {
    const detail = `of ${train.length + valid.length} rows, ${valid.length} are held out for early stopping: change validationFraction`;
    throw new GeorefreshError('GR-3002', detail);
  }
  return { train: Int32Array.from(train), valid: Int32Array.from(valid) };
}

/** Numbers in [0, 1): mulberry32 (Ettinger 2017). */
function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Weighted mean over some rows. */
export function meanOver({ target, weights }: TrainingData, rows: Int32Array): number {
  let sum = 0;
  let total = 0;
  for (const row of rows) {
    const weight = weights === undefined ? 1 : (weights[row] as number);
    sum += weight * (target[row] as number);
    total += weight;
  }
  return sum / total;
}

/** The least target up to which the rows hold the share α of the weight. */
export function quantileOver({ target, weights }: TrainingData, rows: Int32Array, alpha: number): number {
  const order = rows.slice().sort((a, b) => (target[a] as number) - (target[b] as number) || a - b);
  const weigh = (row: number): number => (weights === undefined ? 1 : (weights[row] as number));
  const wanted = alpha * order.reduce((sum, row) => sum + weigh(row), 0);
  let below = 0;
  for (const row of order) {
    below += weigh(row);
    if (below >= wanted) return target[row] as number;
  }
  return target[order[order.length - 1] as number] as number;
}
