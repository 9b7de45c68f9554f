import fc from 'fast-check';
import type { TrainingData } from '../../../activities/train/learner.js';
import { GeorefreshError } from '../../../config/errors.js';

/** Numbers in [0, 1) from Numerical Recipes' linear congruential generator, so that any language can draw the same. */
export function lcg(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** 60 rows: two continuous columns and one of four values; gaps in the second and third; a target of whole numbers. */
export function fixedData(): { data: TrainingData; weights: Float64Array } {
  const next = lcg(7);
  const draws = Array.from(
    { length: 60 },
    () => Array.from({ length: 5 }, next) as [number, number, number, number, number],
  );
  const column = (of: (draw: (typeof draws)[number], row: number) => number) => Float32Array.from(draws, of);
  return {
    data: {
      rows: 60,
      features: [
        { name: 'a', values: column(([a]) => a * 10) },
        { name: 'b', values: column(([, b], row) => (row % 7 === 0 ? Number.NaN : b * 100 - 50)) },
        { name: 'c', values: column(([, , c], row) => (row % 5 === 3 ? Number.NaN : Math.floor(c * 4))) },
      ],
      target: Float64Array.from(draws, ([a, , c, d]) => Math.floor(3 * a + c * 2 + d * 5)),
    },
    weights: Float64Array.from(draws, ([, , , , e]) => Math.floor(e * 4)),
  };
}

export const matrixOf = (columns: Record<string, number[]>, target: number[], weights?: number[]): TrainingData => ({
  rows: target.length,
  features: Object.entries(columns).map(([name, values]) => ({ name, values: Float32Array.from(values) })),
  target: Float64Array.from(target),
  ...(weights === undefined ? {} : { weights: Float64Array.from(weights) }),
});

/** Small training data with gaps, ties and constant columns. */
export const trainingData = ({ weighted = false } = {}): fc.Arbitrary<TrainingData> =>
  fc
    .record({ rows: fc.integer({ min: 1, max: 40 }), columns: fc.integer({ min: 1, max: 5 }) })
    .chain(({ rows, columns }) => {
      const cell = fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: -400, max: 400 }).map((value) => value / 8) },
        { weight: 1, arbitrary: fc.constant(Number.NaN) },
      );
      const column = fc.oneof(
        { weight: 5, arbitrary: fc.array(cell, { minLength: rows, maxLength: rows }) },
        { weight: 1, arbitrary: cell.map((value) => Array<number>(rows).fill(value)) },
      );
      return fc.record({
        columns: fc.array(column, { minLength: columns, maxLength: columns }),
        target: fc.array(fc.integer({ min: -50, max: 50 }), { minLength: rows, maxLength: rows }),
        weights: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: rows, maxLength: rows }),
      });
    })
    .filter(({ weights }) => !weighted || weights.some((weight) => weight > 0))
    .map(({ columns, target, weights }) =>
      matrixOf(
        Object.fromEntries(columns.map((values, c) => [`x${c}`, values])),
        target,
        weighted ? weights : undefined,
      ),
    );

/** The code and message of what a call throws. */
export async function failure(call: () => unknown): Promise<{ code: string; message: string }> {
  try {
    await call();
  } catch (error) {
    if (error instanceof GeorefreshError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('nothing was thrown');
}
