import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scoreOnnx } from '../../../activities/score/onnx.js';
import {
  A_PAIRS,
  A_SCORE,
  A_TARGET,
  A_WEIGHT,
  ALPHA,
  MAX_DELTA,
  OBJECTIVE,
} from '../../../activities/train/assembly/layout.js';
import { type FitOptions, fitted, fit as learn, toOnnx } from '../../../activities/train/learn.js';
import { decodeModelJson, encodeModelJson } from '../../../activities/train/model-json.js';
import { kernelModule } from '../../../activities/train/trees/kernel.js';
import { KernelMemory } from '../../../activities/train/trees/memory.js';
import { failure, fixedData } from './support.js';
import { mixedData } from './trees-support.js';

const plain = () => {
  const { features, target } = mixedData(1500);
  return { features: features.filter(({ name }) => name !== 'level' && name !== 'd'), target };
};
const classes = () => ({ ...plain(), target: plain().target.map((value) => Number(value > 3)) });

describe('georefresh/learn', () => {
  it.each<[FitOptions, () => ReturnType<typeof plain>]>([
    [{ learner: 'gbdt', objective: 'poisson', numThreads: 2, numIterations: 20 }, classes],
    [{ learner: 'forest', numIterations: 5 }, plain],
    [{ learner: 'tree', maxDepth: 4 }, plain],
    [{ learner: 'ridge', alpha: 2 }, plain],
    [{ learner: 'linear' }, plain],
    [{ learner: 'logistic', C: 0.5 }, classes],
    [
      {
        learner: 'hurdle',
        occurrence: { learner: 'gbdt', objective: 'binary', numIterations: 10 },
        amount: { learner: 'ridge' },
      },
      classes,
    ],
  ])(
    'S1.4: fits, predicts, weighs features, keeps and exports %j',
    async (options, make) => {
      const data = make();
      const steps: number[] = [];
      const model = await learn(data, { ...options, onProgress: (done, total) => steps.push(done / total) });
      const predicted = model.predict(data.features);
      expect(steps.at(-1)).toBe(1);
      expect(model.importance().map(({ name }) => name)).toEqual(['a', 'b', 'c', 'never']);
      expect(fitted(decodeModelJson(encodeModelJson(model.data))).predict(data.features)).toEqual(predicted);
      const matrix = { rows: 1500, features: data.features };
      const scored = await scoreOnnx({ model: toOnnx(model), matrix });
      expect(Math.max(...scored.map((value, row) => Math.abs(value - (predicted[row] as number))))).toBeLessThan(1e-6);
    },
    60_000,
  );

  it.each<FitOptions>([{ learner: 'gbdt', numIterations: 50_000, minDataInLeaf: 1 }, { learner: 'linear' }])(
    'S1.4: an error of the progress hook ends the fit: %j',
    async (options) => {
      const broken = new Error('the screen is gone');
      const onProgress = () => {
        throw broken;
      };
      await expect(learn(plain(), { ...options, onProgress })).rejects.toBe(broken);
    },
    30_000,
  );

  it('S1.4: columns that a model does not read may be of any length', async () => {
    const data = plain();
    const model = await learn(data, { learner: 'linear' });
    const longer = { name: 'other', values: new Float32Array(2000) };
    expect(model.predict([longer, ...data.features])).toEqual(model.predict(data.features));
  });

  it('S1.4: float64 features are read as float32, at the fit and at the prediction', async () => {
    const data = plain();
    const doubles = {
      ...data,
      features: data.features.map((feature) => ({
        ...feature,
        values: Float64Array.from(feature.values, (v) => v + 1e-12),
      })),
    };
    const options = { learner: 'gbdt', numIterations: 5 } as const;
    expect((await learn(doubles, options)).predict(doubles.features)).toEqual(
      (await learn(data, options)).predict(data.features),
    );
  }, 30_000);

  it.each<[FitOptions, string]>([
    [{ learner: 'gbdt', numLeaves: 1 }, 'GR-1003'],
    [{ learner: 'gbdt', numTrees: 3 } as never, 'GR-1003'],
    [{ learner: 'hurdle', occurrence: { learner: 'ridge' }, amount: { learner: 'ridge' } }, 'GR-1003'],
    [{ learner: 'hurdle', occurrence: { learner: 'logistic' }, amount: { learner: 'logistic' } }, 'GR-1003'],
    [
      { learner: 'hurdle', occurrence: { learner: 'logistic', c: 1 }, amount: { learner: 'ridge' } } as never,
      'GR-1003',
    ],
    [{ learner: 'svm' } as never, 'GR-1003'],
    [{ learner: 'ridge', numThreads: 0 }, 'GR-1003'],
    [{ learner: 'logistic' }, 'GR-3002'],
  ])(
    'S4.6: %j is refused with a code',
    async (options, code) => {
      expect((await failure(() => learn(plain(), options))).code).toBe(code);
    },
    30_000,
  );

  it.each<[FitOptions, boolean]>([
    [{ learner: 'gbdt', numIterations: 100_000, numThreads: 2 }, false],
    [{ learner: 'gbdt', numIterations: 100_000 }, false],
    [{ learner: 'forest', numIterations: 10_000, numThreads: 2 }, false],
    [{ learner: 'ridge' }, true],
  ])(
    'S4.6: %j ends with GR-3006 when it is cancelled, at its start or under way',
    async (options, small) => {
      const data = small ? plain() : mixedData(20_000);
      const control = new AbortController();
      const fitting = failure(() =>
        learn(data, { ...options, signal: control.signal, onProgress: () => control.abort() }),
      );
      if (small) control.abort();
      expect((await fitting).code).toBe('GR-3006');
      expect((await failure(() => learn(data, { ...options, signal: AbortSignal.abort() }))).code).toBe('GR-3006');
    },
    60_000,
  );
});

describe('logistic regression', () => {
  it.each([
    [1, [0.6289285, 0.41160322, 0.5294062, 0.50010455, 0.16252429]],
    [0.1, [0.50691147, 0.36660207, 0.42754093, 0.39827942, 0.23166188]],
    [100, [0.66594201, 0.42751778, 0.56364726, 0.53609935, 0.1430339]],
  ])('S1.4: C = %d gives what scikit-learn gives', async (C, expected) => {
    const { data } = fixedData();
    const middle = data.target.toSorted()[30] as number;
    const target = data.target.map((value) => Number(value > middle));
    const predicted = (await learn({ ...data, target }, { learner: 'logistic', C })).predict(data.features);
    for (const [row, value] of expected.entries()) expect(predicted[row]).toBeCloseTo(value, 6);
  });

  it('S4.6: classes that a line parts still have an end, as the penalty holds the slope', async () => {
    const values = Float32Array.from({ length: 40 }, (_, i) => i);
    const target = Float64Array.from(values, (value) => Number(value >= 20));
    const predicted = (
      await learn({ features: [{ name: 'x', values }], target }, { learner: 'logistic', C: 1e4 })
    ).predict([{ name: 'x', values }]);
    expect([...predicted].map(Math.round)).toEqual([...target]);
  });
});

describe('the kernel', () => {
  const module = kernelModule();

  it('S4.6: gradients and hessians of each loss are its finite differences', () => {
    const plan = { rows: 1, features: 1, threads: 1, maxBin: 255, numLeaves: 2, weighted: true, categorical: false };
    const memory = new KernelMemory({ ...plan, trainRows: 1, validRows: 0, forest: false });
    const { exports } = new WebAssembly.Instance(module, {
      env: { memory: memory.memory, abort() {} },
      host: { emit() {}, sleep() {}, wake() {} },
    });
    const { gradients, lossOf } = exports as {
      gradients(from: number, to: number, sums: number): void;
      lossOf(row: number): number;
    };
    memory.setParam(ALPHA, 0.8);
    memory.setParam(MAX_DELTA, 0);
    const score = memory.doubles(A_SCORE, 1);
    const lossAt = (s: number): number => {
      score[0] = s;
      return lossOf(0);
    };
    fc.assert(
      fc.property(
        fc.constantFrom(0, 1, 2, 3),
        fc.double({ min: -6, max: 6, noNaN: true }),
        fc.integer({ min: 0, max: 9 }),
        fc.double({ min: 0.1, max: 3, noNaN: true }),
        (objective, s, y, w) => {
          memory.set(OBJECTIVE, objective);
          const target = objective === 2 ? y % 2 : y;
          fc.pre(objective !== 3 || Math.abs(s - target) > 0.01);
          memory.doubles(A_TARGET, 1)[0] = target;
          memory.doubles(A_WEIGHT, 1)[0] = w;
          score[0] = s;
          gradients(0, 1, memory.stage);
          const [g, h] = memory.doubles(A_PAIRS, 2) as unknown as [number, number];
          const step = 1e-4;
          const [below, here, above] = [lossAt(s - step), lossAt(s), lossAt(s + step)];
          expect(g / w).toBeCloseTo((above - below) / (2 * step), 4);
          // The pinball loss has no curvature, and takes 1 for it.
          if (objective === 3) expect(h).toBe(w);
          else
            expect(h / w / Math.max(1, Math.exp(s))).toBeCloseTo(
              (above - 2 * here + below) / step ** 2 / Math.max(1, Math.exp(s)),
              4,
            );
        },
      ),
      { seed: 5 },
    );
  });
});
