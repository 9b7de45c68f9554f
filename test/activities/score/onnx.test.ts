import fc from 'fast-check';
import { InferenceSession } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { PARITY_TOLERANCE, parity, scoreOnnx } from '../../../activities/score/onnx.js';
import type { FeatureMatrix, OnnxMetadata } from '../../../activities/train/learner.js';
import { describeModel } from '../../../activities/train/onnx.js';
import { type LinearModel, ridge } from '../../../activities/train/ridge.js';
import { failure, fixedData, lcg, matrixOf, trainingData } from '../train/support.js';

const metadata: OnnxMetadata = {
  name: 'wells',
  producerVersion: '1.2.3',
  domain: 'org.example.wells',
  modelVersion: 14,
  description: 'New wells by parish',
  target: 'new_wells',
  trainingTableSha256: 'ab'.repeat(32),
  properties: { sample: 'true' },
};

describe('an exported model', () => {
  it('predicts what the native one does, for any rows whatever', async () => {
    const anything = fc.oneof(
      fc.float({ noDefaultInfinity: true }),
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
    );
    await fc.assert(
      fc.asyncProperty(
        trainingData({ weighted: true }),
        fc.constantFrom(0, 1),
        fc.array(fc.array(anything, { minLength: 5, maxLength: 5 }), { minLength: 1, maxLength: 20 }),
        async (data, alpha, rows) => {
          const model = ridge.fit(data, { alpha });
          const features = data.features.map(({ name }, f) => ({
            name,
            values: Float32Array.from(rows, (row) => row[f] as number),
          }));
          const matrix: FeatureMatrix = { rows: rows.length, features };
          const native = ridge.predict(model, matrix);
          const scored = await scoreOnnx({ model: ridge.toOnnx(model, metadata), matrix, batch: 7 });
          for (let row = 0; row < rows.length; row++) {
            expect(Number.isFinite(scored[row])).toBe(true);
            const error = Math.abs((scored[row] as number) - (native[row] as number));
            expect(error).toBeLessThanOrEqual(1e-14 * sizeOfTerms(model, rows[row] as number[]));
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('agrees on its training rows within rounding, far below the tolerance for publishing', async () => {
    const { data } = fixedData();
    const model = ridge.fit(data, { alpha: 1 });
    const scored = await scoreOnnx({ model: ridge.toOnnx(model, metadata), matrix: data });
    expect(parity(ridge.predict(model, data), scored).max).toBeLessThan(1e-13);
    expect(PARITY_TOLERANCE).toBe(1e-5);
  });

  it('of a single column is not rounded to float32 by the optimiser of the runtime', async () => {
    const data = matrixOf({ x: [0, 0, 0.125] }, [0, 0, 1]);
    const model = ridge.fit(data, { alpha: 0 });
    const scored = await scoreOnnx({ model: ridge.toOnnx(model, metadata), matrix: data });
    expect(parity(ridge.predict(model, data), scored).max).toBeLessThan(1e-14);
  });

  it('is the same bytes for the same model, and says what it is without a time or a run', () => {
    const { data } = fixedData();
    const export1 = ridge.toOnnx(ridge.fit(data, { alpha: 1 }), metadata);
    const export2 = ridge.toOnnx(structuredClone(ridge.fit(structuredClone(data), { alpha: 1 })), metadata);
    expect(export2).toEqual(export1);
    expect(describeModel(export1)).toEqual({
      producerName: 'georefresh',
      producerVersion: '1.2.3',
      domain: 'org.example.wells',
      modelVersion: 14,
      description: 'New wells by parish',
      features: ['a', 'b', 'c'],
      properties: {
        features: '["a","b","c"]',
        learner: 'ridge',
        parameters: '{"alpha":"1"}',
        sample: 'true',
        target: 'new_wells',
        training_table_sha256: 'ab'.repeat(32),
      },
    });
  });

  it('has one input of float32 and one output, by the names that other runtimes read', async () => {
    const { data } = fixedData();
    const session = await InferenceSession.create(ridge.toOnnx(ridge.fit(data, { alpha: 1 }), metadata));
    expect(session.inputMetadata).toMatchObject([{ name: 'features', type: 'float32', shape: ['N', 3] }]);
    expect(session.outputMetadata).toMatchObject([{ name: 'prediction', type: 'float64', shape: ['N'] }]);
    await session.release();
  });
});

describe('scoreOnnx', () => {
  const scored = () => {
    const { data } = fixedData();
    return { model: ridge.toOnnx(ridge.fit(data, { alpha: 1 }), metadata), names: ['a', 'b', 'c'] };
  };
  const manyRows = (rows: number): FeatureMatrix => {
    const next = lcg(17);
    const column = () => Float32Array.from({ length: rows }, () => (next() < 0.1 ? Number.NaN : next() * 100));
    return { rows, features: ['c', 'other', 'a', 'b'].map((name) => ({ name, values: column() })) };
  };

  it('gives the same bits for any batch and any split of the rows', async () => {
    const { model } = scored();
    const matrix = manyRows(3001);
    const whole = await scoreOnnx({ model, matrix });
    for (const batch of [1, 8, 1000]) expect(await scoreOnnx({ model, matrix, batch })).toEqual(whole);
    const parts = await Promise.all([scoreOnnx({ model, matrix, to: 1234 }), scoreOnnx({ model, matrix, from: 1234 })]);
    expect(Float64Array.from(parts.flatMap((part) => [...part]))).toEqual(whole);
    expect(await scoreOnnx({ model, matrix, from: 5, to: 5 })).toEqual(new Float64Array(0));
  });

  it('reports the rows done after each batch, and stops between batches when cancelled', async () => {
    const { model } = scored();
    const seen: number[] = [];
    await scoreOnnx({ model, matrix: manyRows(25), batch: 10 }, { onProgress: (done) => seen.push(done) });
    expect(seen).toEqual([10, 20, 25]);
    const stopped = scoreOnnx(
      { model, matrix: manyRows(25), batch: 10 },
      { cancelled: () => seen.push(0) > 1 && seen.length > 4 },
    );
    expect(await failure(() => stopped)).toMatchObject({ code: 'GR-3006' });
    expect(seen).toHaveLength(5);
  });

  it('refuses features that lack a column, and bytes that are no model, with GR-3008', async () => {
    const { model } = scored();
    const lacking = { rows: 1, features: [{ name: 'a', values: new Float32Array(1) }] };
    expect(await failure(() => scoreOnnx({ model, matrix: lacking }))).toMatchObject({
      code: 'GR-3008',
      message: expect.stringContaining('b, c'),
    });
    const cut = [
      new Uint8Array(0),
      Uint8Array.of(1, 2, 3),
      model.subarray(0, 200),
      model.subarray(0, model.length - 30),
    ];
    for (const bytes of cut) {
      expect((await failure(() => scoreOnnx({ model: bytes, matrix: manyRows(1) }))).code).toBe('GR-3008');
    }
  });
});

describe('parity', () => {
  const of = (...values: number[]) => Float64Array.from(values);

  it('is the largest difference in deviations of the native predictions, with its row', () => {
    expect(parity(of(1, 3, 5, 7), of(1, 3, 5.5, 7.1))).toEqual({
      max: 0.5 / Math.sqrt(5),
      row: 2,
      deviation: Math.sqrt(5),
    });
    expect(parity(of(), of())).toEqual({ max: 0, row: -1, deviation: 0 });
  });

  it('is relative to the size of predictions that do not vary', () => {
    expect(parity(of(200, 200), of(200, 201)).max).toBeCloseTo(1 / 200, 12);
    expect(parity(of(0, 0), of(0, 1e-9)).max).toBeCloseTo(1e-9, 15);
  });

  it('is infinite where only one side is a number, or lengths differ', () => {
    expect(parity(of(1, Number.NaN), of(1, Number.NaN)).max).toBe(0);
    expect(parity(of(1, 2), of(1, Number.NaN))).toMatchObject({ max: Number.POSITIVE_INFINITY, row: 1 });
    expect(parity(of(1, Number.POSITIVE_INFINITY), of(1, 2)).max).toBe(Number.POSITIVE_INFINITY);
    expect(parity(of(1), of(1, 2)).max).toBe(Number.POSITIVE_INFINITY);
  });
});

/** |b| + Σ |β z|, by which the rounding of their sum is bounded. */
function sizeOfTerms({ intercept, coefficient, indicators, median, mean, scale }: LinearModel, row: number[]): number {
  const values = [
    ...Array.from(median, (standIn, f) => (Number.isFinite(row[f]) ? (row[f] as number) : standIn)),
    ...Array.from(indicators, (f) => (Number.isFinite(row[f]) ? 0 : 1)),
  ];
  return values.reduce((sum, value, c) => {
    const z = (value - (mean[c] as number)) / (scale[c] as number);
    return sum + Math.abs((coefficient[c] as number) * z);
  }, Math.abs(intercept));
}
