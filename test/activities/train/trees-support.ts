import type { FeatureMatrix, TrainingData } from '../../../activities/train/learner.js';
import { gbdt } from '../../../activities/train/trees/boosting.js';
import { readColumns, type TreeModel } from '../../../activities/train/trees/model.js';
import type { BoostingParams } from '../../../activities/train/trees/options.js';
import { lcg } from './support.js';

export const boosting = (params: Partial<BoostingParams> = {}): BoostingParams => gbdt.schema.parse(params);

/** Rows with gaps, levels, infinities and a column that is never there; the target hangs on all of them. */
export function mixedData(rows: number, seed = 5): TrainingData {
  const next = lcg(seed);
  const gap = (share: number, value: number) => (next() < share ? Number.NaN : value);
  const column = (of: () => number) => Float32Array.from({ length: rows }, of);
  const wild = () => {
    const draw = next();
    if (draw < 0.02) return Number.POSITIVE_INFINITY;
    return draw < 0.04 ? Number.NEGATIVE_INFINITY : gap(0.02, draw * 7);
  };
  const a = column(() => next() * 10);
  const b = column(() => gap(0.1, next() * 4 - 2));
  const c = column(() => Math.floor(next() * 5));
  const level = column(() => gap(0.05, Math.floor(next() * 255)));
  const d = column(wild);
  const target = Float64Array.from({ length: rows }, (_, row) => {
    const [x, y, k, l, z] = [a, b, c, level, d].map((values) => values[row] as number) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const known = (value: number, of: number) => (Number.isFinite(value) ? of : 1.5);
    return Math.sin(x) * 2 + known(y, y * y) + k * 0.3 + known(l, ((l * 7919) % 13) / 4) + known(z, z / 7) + next();
  });
  return {
    rows,
    features: [
      { name: 'a', values: a },
      { name: 'b', values: b },
      { name: 'c', values: c },
      { name: 'level', values: level, categorical: true },
      { name: 'd', values: d },
      { name: 'never', values: column(() => Number.NaN) },
    ],
    target,
  };
}

/** Sums of squared-loss gradients and hessians over rows, the score being the model's start. */
export interface Sums {
  g: number;
  h: number;
  n: number;
}

export const sumOver = ({ target, weights }: TrainingData, start: number, rows: number[]): Sums => {
  const sums = { g: 0, h: 0, n: rows.length };
  for (const row of rows) {
    const weight = weights?.[row] ?? 1;
    sums.g += weight * (start - (target[row] as number));
    sums.h += weight;
  }
  return sums;
};

/** What a group of rows scores: G² / (H + λ). */
export const scoreOf = ({ g, h }: Sums, lambda: number): number => (g * g) / (h + lambda);

/** The best gain over all splits of some rows, tried one by one; 0 where none is allowed. */
export function bestGain(
  data: TrainingData,
  start: number,
  rows: number[],
  { minDataInLeaf, lambdaL2, minSumHessianInLeaf }: BoostingParams,
): number {
  const whole = sumOver(data, start, rows);
  let best = 0;
  const consider = (isLeft: (row: number) => boolean): void => {
    const left = sumOver(data, start, rows.filter(isLeft));
    const right = { g: whole.g - left.g, h: whole.h - left.h, n: whole.n - left.n };
    if (left.n < Math.max(1, minDataInLeaf) || right.n < Math.max(1, minDataInLeaf)) return;
    if (left.h < minSumHessianInLeaf || right.h < minSumHessianInLeaf) return;
    best = Math.max(best, scoreOf(left, lambdaL2) + scoreOf(right, lambdaL2) - scoreOf(whole, lambdaL2));
  };
  for (const { values, categorical } of data.features) {
    const present = [...new Set(rows.map((row) => values[row] as number).filter((value) => !Number.isNaN(value)))];
    const value = (row: number) => values[row] as number;
    for (const missingLeft of [false, true]) {
      const route = (row: number, left: boolean) => (Number.isNaN(value(row)) ? missingLeft : left);
      if (categorical === true) {
        for (let members = 0; members < 2 ** present.length; members++) {
          consider((row) => route(row, ((members >> present.indexOf(value(row))) & 1) === 1));
        }
      } else for (const bound of present) consider((row) => route(row, value(row) <= bound));
    }
  }
  return best;
}

/** Rows that come to each node of one tree. */
export function rowsByNode(
  model: TreeModel,
  tree: number,
  matrix: FeatureMatrix,
  leafOf: (columns: Float32Array[], row: number) => number,
): Map<number, number[]> {
  const columns = readColumns(model, matrix);
  const parent = new Map<number, number>();
  for (let node = 0; node < model.left.length; node++) {
    const left = model.left[node] as number;
    if (left < 0) continue;
    parent.set(left, node);
    parent.set(left + 1, node);
  }
  const rows = new Map<number, number[]>();
  for (let row = 0; row < matrix.rows; row++) {
    let node: number | undefined = leafOf(columns, row);
    while (node !== undefined) {
      rows.set(node, [...(rows.get(node) ?? []), row]);
      node = node === model.roots[tree] ? undefined : parent.get(node);
    }
  }
  return rows;
}
