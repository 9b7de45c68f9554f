import { describe, expect, it } from 'vitest';
import { permutationImportance } from '../../../activities/train/permutation.js';
import { lcg, matrixOf } from './support.js';

/** A target that leans on `strong`, less on `weak`, and not on `noise`, which the fit may still have used. */
function data(rows = 1500) {
  const next = lcg(9);
  const [strong, weak, noise] = Array.from({ length: 3 }, () => Array.from({ length: rows }, next)) as [
    number[],
    number[],
    number[],
  ];
  const target = strong.map((value, row) => 6 * value + (weak[row] as number) + 0.1 * next());
  return matrixOf({ noise, weak, strong }, target);
}

const input = (rows?: number) => {
  const training = data(rows);
  return {
    learner: 'gbdt',
    params: { numIterations: 40, numLeaves: 8 },
    data: training,
    folds: Int32Array.from({ length: training.rows }, (_, row) => row % 3),
    fold: 0,
    keys: Array.from({ length: training.rows }, (_, row) => `k${row}`),
    metric: { r2: {} },
    better: 'higher' as const,
  };
};

describe('importance by permutation', () => {
  it('S1.4: is what the metric loses on rows that the fit did not see, the same each time', async () => {
    const found = await permutationImportance(input());
    expect(found.rows).toBe(500);
    expect(found.value).toBeGreaterThan(0.95);
    const [noise, weak, strong] = found.loss.map(({ loss }) => loss as number) as [number, number, number];
    expect(found.loss.map(({ name }) => name)).toEqual(['noise', 'weak', 'strong']);
    // Of independent terms, shuffling one costs R² twice its share of the variance: 36 parts of 37, and 1.
    expect(Math.abs(noise)).toBeLessThan(0.01);
    expect(weak).toBeGreaterThan(0.02);
    expect(strong).toBeGreaterThan(1.5);
    expect(await permutationImportance(input())).toEqual(found);
  }, 30_000);

  it('S1.4: has the sign of a loss where lower is better, and nothing where the metric is undefined', async () => {
    const worse = await permutationImportance({ ...input(), metric: { rmse: {} }, better: 'lower' });
    expect(worse.loss[2]?.loss).toBeGreaterThan(1);
    const undefinedOnes = await permutationImportance({ ...input(), metric: { auc: { above: 1e9 } } });
    expect(undefinedOnes.value).toBeNull();
    expect(undefinedOnes.loss.map(({ loss }) => loss)).toEqual([null, null, null]);
  }, 30_000);

  it('S1.4: 10,000 rows of a larger fold are enough', async () => {
    expect((await permutationImportance({ ...input(33_000), learner: 'ridge', params: {} })).rows).toBe(10_000);
  }, 30_000);
});
