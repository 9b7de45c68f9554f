import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { solveSymmetric } from '../../../activities/train/cholesky.js';
import type { TrainingData } from '../../../activities/train/learner.js';
import { type LinearModel, linear, ridge } from '../../../activities/train/ridge.js';
import { failure, fixedData, lcg, matrixOf, trainingData } from './support.js';

const close = (actual: ArrayLike<number>, expected: number[], digits = 10) => {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) expect(actual[i]).toBeCloseTo(expected[i] as number, digits);
};

describe('ridge on 60 fixed rows gives what scikit-learn 1.9 gives', () => {
  it('for SimpleImputer(median, add_indicator), StandardScaler, Ridge(alpha=1) (S0.6)', () => {
    const { data } = fixedData();
    const model = ridge.fit(data, { alpha: 1 });
    close(
      model.coefficient,
      [0.6287450708070799, 0.35245238068802953, -0.041261920334664734, 0.540696229899583, 0.12002065647858498],
    );
    expect(model.intercept).toBeCloseTo(4.633333333333334, 12);
    const predicted = ridge.predict(model, data);
    close(
      [0, 3, 7, 59].map((row) => predicted[row] as number),
      [5.209983491423689, 5.698087443038508, 4.829868883925899, 3.5509467524272287],
    );
  });

  it('for LinearRegression, which is ridge with alpha 0 (S1.4)', () => {
    const { data } = fixedData();
    const model = linear.fit(data, {});
    close(
      model.coefficient,
      [0.6399972717094213, 0.36188159054047775, -0.04553127685749907, 0.552061997263562, 0.12327546229979269],
    );
    expect(model.intercept).toBeCloseTo(4.633333333333334, 12);
  });

  it('for weighted rows, some of weight 0', () => {
    const { data, weights } = fixedData();
    const filled = data.features.map((one) => ({ ...one, values: one.values.map((v) => (Number.isNaN(v) ? 0 : v)) }));
    const model = ridge.fit({ ...data, features: filled, weights }, { alpha: 2.5 });
    close(model.coefficient, [0.604740780329085, 0.22259335292027113, 0.15060822595627688]);
    expect(model.intercept).toBeCloseTo(4.414893617021277, 12);
  });
});

describe('ridge against other ways to the same answer', () => {
  it('equals Gaussian elimination on the plain definition', () => {
    fc.assert(
      fc.property(trainingData({ weighted: true }), fc.constantFrom(0.25, 1, 50), (data, alpha) => {
        const expected = naiveRidge(data, alpha);
        const actual = ridge.predict(ridge.fit(data, { alpha }), data);
        for (let row = 0; row < data.rows; row++) expect(actual[row]).toBeCloseTo(expected[row] as number, 7);
      }),
      { numRuns: 200 },
    );
  });

  it('takes a row of weight k for k copies of the row', () => {
    fc.assert(
      fc.property(trainingData({ weighted: true }), (data) => {
        const weighted = ridge.fit(data, { alpha: 1 });
        const copied = ridge.fit(repeated(data), { alpha: 1 });
        expect(copied.median).toEqual(weighted.median);
        expect(copied.indicators).toEqual(weighted.indicators);
        close(copied.coefficient, [...weighted.coefficient], 7);
      }),
      { numRuns: 200 },
    );
  });

  it('gives the same bytes of model each time, and finite predictions for any rows whatever', () => {
    const anything = fc.constantFrom(0, 1, -3.5, 1e30, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
    fc.assert(
      fc.property(trainingData(), fc.array(anything, { minLength: 5, maxLength: 5 }), (data, row) => {
        const model = ridge.fit(data, { alpha: 1 });
        expect(ridge.fit(structuredClone(data), { alpha: 1 })).toEqual(model);
        const features = data.features.map(({ name }, f) => ({ name, values: Float32Array.of(row[f] as number) }));
        expect(Number.isFinite(ridge.predict(structuredClone(model), { rows: 1, features })[0])).toBe(true);
      }),
    );
  });

  it('does not lose digits to columns far from 0', () => {
    const next = lcg(3);
    const x = Array.from({ length: 2000 }, () => Math.fround(1e7 + Math.floor(next() * 64)));
    const model = linear.fit(
      matrixOf(
        { x },
        x.map((value) => 5 * (value - 1e7) - 2),
      ),
      {},
    );
    const [at] = linear.predict(model, { rows: 1, features: [{ name: 'x', values: Float32Array.of(1e7 + 10) }] });
    expect(at).toBeCloseTo(48, 8);
  });

  it('reads arrays over shared memory, finds features by name and reports progress to the last block', () => {
    const { data } = fixedData();
    const shared = data.features.map(({ name, values }) => {
      const copy = new Float32Array(new SharedArrayBuffer(values.byteLength));
      copy.set(values);
      return { name, values: copy };
    });
    const seen: [number, number][] = [];
    const model = ridge.fit({ ...data, features: shared }, { alpha: 1 }, { onProgress: (...step) => seen.push(step) });
    expect(seen.at(-1)).toEqual([1, 1]);
    const extra = { name: 'more', values: new Float32Array(60) };
    expect(ridge.predict(model, { rows: 60, features: [extra, ...shared.toReversed()] })).toEqual(
      ridge.predict(model, data),
    );
  });
});

describe('ridge on rows that say little', () => {
  const unchanging = (model: LinearModel) => [...model.coefficient].every((coefficient) => coefficient === 0);

  it('predicts the mean for one row, for a constant target and for constant columns', () => {
    expect(ridge.fit(matrixOf({ x: [3] }, [7]), { alpha: 1 })).toMatchObject({ intercept: 7, unused: ['x'] });
    const constant = ridge.fit(matrixOf({ x: [1, 2, 5] }, [0.1, 0.1, 0.1]), { alpha: 1 });
    expect(unchanging(constant) && constant.intercept).toBe(0.1);
    const still = ridge.fit(matrixOf({ x: [0.1, 0.1, 0.1] }, [1, 2, 6]), { alpha: 0 });
    expect(unchanging(still) && still.intercept).toBe(3);
    expect(ridge.predict(still, { rows: 1, features: [{ name: 'x', values: Float32Array.of(1e9) }] })[0]).toBe(3);
  });

  it('passes over a column without any value, and says so', () => {
    const empty = Array<number>(4).fill(Number.NaN);
    const model = ridge.fit(matrixOf({ empty, x: [1, 2, 3, 4] }, [1, 2, 3, 4]), { alpha: 0 });
    expect(model.unused).toEqual(['empty', 'empty is missing']);
    expect(
      ridge.predict(model, {
        rows: 1,
        features: [
          { name: 'empty', values: Float32Array.of(99) },
          { name: 'x', values: Float32Array.of(7) },
        ],
      })[0],
    ).toBeCloseTo(7, 12);
  });

  it('leaves out the later of two columns that tell the same, only where no penalty shares it between them', () => {
    const x = [1, 2, 4, 8];
    const data = matrixOf({ x, y: x.map((value) => 3 * value + 1) }, [2, 4, 8, 16]);
    const plain = linear.fit(data, {});
    expect(plain.unused).toEqual(['y']);
    close(linear.predict(plain, data), [2, 4, 8, 16]);
    const shared = ridge.fit(data, { alpha: 1 });
    expect(shared.unused).toEqual([]);
    expect(shared.coefficient[0]).toBeCloseTo(shared.coefficient[1] as number, 12);
    expect(linear.importance(plain)[1]).toBe(0);
  });

  it('gives more columns than rows a finite answer', () => {
    const model = linear.fit(matrixOf({ a: [1, 2], b: [5, 1], c: [0, 9] }, [1, 3]), {});
    expect(model.unused).toEqual(['b', 'c']);
  });

  it('takes 300 columns of gaps', () => {
    const next = lcg(5);
    const cells = () => Array.from({ length: 50 }, () => (next() < 0.3 ? Number.NaN : next()));
    const columns = Object.fromEntries(Array.from({ length: 300 }, (_, c) => [`x${c}`, cells()]));
    const data = matrixOf(columns, Array.from({ length: 50 }, next));
    const model = ridge.fit(data, { alpha: 1 });
    expect(model.coefficient).toHaveLength(600);
    expect(ridge.predict(model, data).every(Number.isFinite)).toBe(true);
  });
});

describe('rows that cannot be learned from are refused with GR-3002', () => {
  const fine = () => matrixOf({ x: [1, 2, 3], y: [4, 5, 6] }, [1, 2, 3], [1, 1, 1]);
  const broken: [string, (data: TrainingData) => unknown, string][] = [
    ['no rows', () => matrixOf({ x: [] }, []), 'there are no rows'],
    ['no features', (data) => ({ ...data, features: [] }), 'there are no features'],
    [
      'a target that is missing',
      (data) => data.target.fill(Number.NaN, 1),
      'the target is missing or infinite in 2 rows, first in row 1',
    ],
    ['an infinite target', (data) => data.target.fill(Number.NEGATIVE_INFINITY, 2), 'in 1 row, first in row 2'],
    [
      'a target of the wrong length',
      (data) => ({ ...data, target: new Float64Array(2) }),
      'the target has 2 values for 3 rows',
    ],
    ['sums that overflow', (data) => data.target.set([1e308, 1e308, -1e308]), 'so large that sums of it overflow'],
    [
      'a missing weight',
      (data) => data.weights?.fill(Number.NaN, 0, 1),
      'the weight is missing, infinite or negative in 1 row',
    ],
    ['a negative weight', (data) => data.weights?.fill(-1, 0, 1), 'the weight is missing, infinite or negative'],
    ['weights that are all 0', (data) => data.weights?.fill(0), 'all weights are 0'],
    ['weights without a finite sum', (data) => data.weights?.fill(1e308), 'the weights add up to Infinity'],
    ['weights whose products overflow', (data) => data.weights?.fill(1e60), 'overflow from 1e+60 on: scale them down'],
    [
      'an infinite feature',
      (data) => data.features[1]?.values.fill(Number.POSITIVE_INFINITY, 2),
      'feature y is infinite, or beyond float32, in 1 row',
    ],
    ['a short feature', (data) => ({ ...data, rows: 4 }), 'feature x has 3 values for 4 rows'],
    [
      'two features of one name',
      (data) => ({ ...data, features: [...data.features, ...data.features] }),
      'two features are called x',
    ],
    [
      'a native category',
      (data) => ({ ...data, features: data.features.map((one) => ({ ...one, categorical: true })) }),
      'feature x is categorical',
    ],
  ];

  it.each(broken)('%s', async (_, spoil, message) => {
    const data = fine();
    const spoiled = spoil(data);
    const input =
      spoiled !== null && typeof spoiled === 'object' && 'features' in spoiled ? (spoiled as TrainingData) : data;
    const { code, message: said } = await failure(() => ridge.fit(input, { alpha: 1 }));
    expect(code).toBe('GR-3002');
    expect(said).toContain(message);
  });

  it('features that lack a column of the model are GR-3008, naming each', async () => {
    const model = ridge.fit(fine(), { alpha: 1 });
    const lacking = { rows: 1, features: [{ name: 'z', values: new Float32Array(1) }] };
    expect(await failure(() => ridge.predict(model, lacking))).toMatchObject({
      code: 'GR-3008',
      message: expect.stringContaining('x, y'),
    });
    const short = { rows: 2, features: ['x', 'y'].map((name) => ({ name, values: new Float32Array(1) })) };
    expect((await failure(() => ridge.predict(model, short))).code).toBe('GR-3008');
  });
});

describe('solveSymmetric', () => {
  it('solves A x = b for positive definite A', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 2 ** 31 }), (n, seed) => {
        const next = lcg(seed);
        const root = Float64Array.from({ length: n * n }, () => next() - 0.5);
        const a = new Float64Array(n * n);
        for (let i = 0; i < n; i++) {
          for (let j = 0; j < n; j++) {
            let sum = i === j ? 0.1 : 0;
            for (let k = 0; k < n; k++) sum += (root[i * n + k] as number) * (root[j * n + k] as number);
            a[i * n + j] = sum;
          }
        }
        const b = Float64Array.from({ length: n }, next);
        const { solution, dependent } = solveSymmetric(a.slice(), b);
        expect(dependent).toEqual([]);
        for (let i = 0; i < n; i++) {
          let sum = 0;
          for (let j = 0; j < n; j++) sum += (a[i * n + j] as number) * (solution[j] as number);
          expect(sum).toBeCloseTo(b[i] as number, 9);
        }
      }),
    );
  });
});

function repeated(data: TrainingData): TrainingData {
  const rows = [...(data.weights ?? [])].flatMap((weight, row) => Array<number>(weight).fill(row));
  return {
    rows: rows.length,
    features: data.features.map(({ name, values }) => ({
      name,
      values: Float32Array.from(rows, (row) => values[row] as number),
    })),
    target: Float64Array.from(rows, (row) => data.target[row] as number),
  };
}

/** Ridge as its definition reads, on plain arrays: copies of rows, Gaussian elimination with pivoting. */
function naiveRidge(data: TrainingData, alpha: number): number[] {
  const counted = repeated(data);
  const columns: ((row: number, of: TrainingData) => number)[] = [];
  counted.features.forEach(({ values }, f) => {
    const present = [...values].filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
    const half = Math.floor(present.length / 2);
    const middle =
      present.length % 2 === 1 ? present[half] : ((present[half - 1] as number) + (present[half] as number)) / 2;
    const cell = (row: number, of: TrainingData) => of.features[f]?.values[row] as number;
    columns.push((row, of) =>
      Number.isNaN(cell(row, of)) ? (present.length === 0 ? 0 : (middle as number)) : cell(row, of),
    );
  });
  counted.features.forEach(({ values }, f) => {
    if (values.some(Number.isNaN)) columns.push((row, of) => (Number.isNaN(of.features[f]?.values[row]) ? 1 : 0));
  });
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const rows = Array.from(counted.target.keys());
  const scaled = columns.flatMap((column) => {
    const values = rows.map((row) => column(row, counted));
    const centre = mean(values);
    const spread = Math.sqrt(mean(values.map((value) => (value - centre) ** 2)));
    return new Set(values).size === 1 ? [] : [(row: number, of: TrainingData) => (column(row, of) - centre) / spread];
  });
  const centre = mean([...counted.target]);
  const system = scaled.map((x, i) => [
    ...scaled.map((y, j) => rows.reduce((sum, row) => sum + x(row, counted) * y(row, counted), i === j ? alpha : 0)),
    rows.reduce((sum, row) => sum + x(row, counted) * ((counted.target[row] as number) - centre), 0),
  ]);
  const beta = eliminate(system);
  return Array.from({ length: data.rows }, (_, row) =>
    scaled.reduce((sum, x, i) => sum + (beta[i] as number) * x(row, data), centre),
  );
}

function eliminate(system: number[][]): number[] {
  const n = system.length;
  const at = (i: number, j: number) => system[i]?.[j] as number;
  for (let j = 0; j < n; j++) {
    let best = j;
    for (let i = j; i < n; i++) if (Math.abs(at(i, j)) > Math.abs(at(best, j))) best = i;
    [system[j], system[best]] = [system[best] as number[], system[j] as number[]];
    for (let i = 0; i < n; i++) {
      if (i === j) continue;
      const factor = at(i, j) / at(j, j);
      system[i] = (system[i] as number[]).map((value, k) => value - factor * at(j, k));
    }
  }
  return system.map((row, i) => (row[n] as number) / (row[i] as number));
}
