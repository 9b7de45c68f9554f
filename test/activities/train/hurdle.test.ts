import { describe, expect, it } from 'vitest';
import { scoreOnnx } from '../../../activities/score/onnx.js';
import type { TrainingData } from '../../../activities/train/learner.js';
import { learnerOf, parseParams } from '../../../activities/train/learners.js';
import { describeModel } from '../../../activities/train/onnx.js';
import { takeTraining } from '../../../activities/train/take.js';
import { failure, lcg } from './support.js';

const METADATA = {
  ...{ name: 'test', producerVersion: '0', domain: 'org.example', modelVersion: 1, description: '' },
  ...{ target: 'y', trainingTableSha256: 'ab' },
};

const PARAMS = {
  occurrence: { learner: 'gbdt', objective: 'binary', numIterations: 30, numLeaves: 4 },
  amount: { learner: 'forest', numIterations: 20, minDataInLeaf: 5 },
};

const hurdle = learnerOf('hurdle');
const trained = (data: TrainingData, params: object = PARAMS) => hurdle.fit(data, parseParams('hurdle', params));

/** Mostly 0; what tells none from some (`a`) says nothing of how many, which `b` and the level `k` do. Gaps in `b`. */
function counts(rows: number): TrainingData {
  const next = lcg(3);
  const draws = Array.from({ length: rows }, () => [next(), next(), Math.floor(next() * 5), next()] as const);
  return {
    rows,
    features: [
      { name: 'a', values: Float32Array.from(draws, ([a]) => a) },
      { name: 'b', values: Float32Array.from(draws, ([, b], row) => (row % 9 === 0 ? Number.NaN : b)) },
      { name: 'k', values: Float32Array.from(draws, ([, , k]) => k), categorical: true },
    ],
    target: Float64Array.from(draws, ([a, b, k, d]) => (d < a ** 3 ? 2 + Math.floor(8 * b) + (k % 2) * 6 : 0)),
  };
}

describe('the hurdle model', () => {
  it('S1.4: predicts the product of what its two learners predict, each fitted alone', async () => {
    const data = counts(3000);
    const model = await trained(data);
    const alone = async ({ learner, ...params }: { learner: string }, own: TrainingData) => {
      const { fit: fitOne, predict } = learnerOf(learner);
      return predict(await fitOne(own, parseParams(learner, params)), data);
    };
    const chance = await alone(PARAMS.occurrence, { ...data, target: data.target.map((y) => (y > 0 ? 1 : 0)) });
    const some = Int32Array.from(data.target.keys()).filter((row) => (data.target[row] as number) > 0);
    const amount = await alone(PARAMS.amount, takeTraining(data, some));
    expect(hurdle.predict(model, data)).toEqual(chance.map((p, row) => p * Math.max(2, amount[row] as number)));
    expect(await trained(structuredClone(data))).toEqual(model);
  }, 30_000);

  it('S1.4: its mean is that of the target, and it leans on what matters to either learner', async () => {
    const data = counts(3000);
    const model = await trained(data);
    const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(hurdle.predict(model, data)) / mean(data.target)).toBeCloseTo(1, 1);
    const [a, b, k] = hurdle.importance(model);
    expect((a as number) + (b as number) + (k as number)).toBeCloseTo(1, 12);
    for (const share of [a, b, k]) expect(share).toBeGreaterThan(0.05);
  }, 30_000);

  it('S1.4: its one graph predicts what it does, with levels, gaps and infinities in both parts', async () => {
    const data = counts(2000);
    const model = await trained(data);
    const onnx = hurdle.toOnnx(model, METADATA);
    const extremes = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3.5, 9];
    const features = data.features.map((feature, f) => ({
      ...feature,
      values: feature.values.map((value, row) => (row % 7 === f ? (extremes[row % 5] as number) : value)),
    }));
    const matrix = { rows: data.rows, features };
    const native = hurdle.predict(model, matrix);
    const scored = await scoreOnnx({ model: onnx, matrix });
    for (const [row, value] of native.entries()) expect(Math.abs((scored[row] as number) - value)).toBeLessThan(1e-9);
    expect(describeModel(onnx).features).toEqual(['a', 'b', 'k']);
  }, 30_000);

  it('S1.4: a row of weight 0 is not the least amount', async () => {
    const data = counts(200);
    const weights = new Float64Array(200).fill(1);
    const first = data.target.findIndex((value) => value > 0);
    weights[first] = 0;
    const target = data.target.map((value, row) => (row === first ? 1e-9 : value));
    expect(await trained({ ...data, target, weights })).toMatchObject({ least: 2 });
  });

  it.each<[string, (data: TrainingData) => TrainingData]>([
    ['a negative amount', (data) => ({ ...data, target: data.target.map((y, row) => (row === 5 ? -1 : y)) })],
    ['no row above 0', (data) => ({ ...data, target: data.target.map(() => 0) })],
    ['no row at 0', (data) => ({ ...data, target: data.target.map((y) => y + 1) })],
    ['no rows', (data) => takeTraining(data, new Int32Array(0))],
  ])('S4.6: %s is refused with GR-3002', async (_, change) => {
    expect((await failure(() => trained(change(counts(200))))).code).toBe('GR-3002');
  });
});
