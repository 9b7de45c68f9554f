import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeModelJson } from '../../../activities/train/model-json.js';
import { gbdt } from '../../../activities/train/trees/boosting.js';
import { forest, tree } from '../../../activities/train/trees/forest.js';
import { KernelMemory } from '../../../activities/train/trees/memory.js';
import { leafOf, type TreeModel } from '../../../activities/train/trees/model.js';
import type { BoostingParams } from '../../../activities/train/trees/options.js';
import { failure, lcg, matrixOf, trainingData } from './support.js';
import { bestGain, boosting, mixedData, rowsByNode, sumOver } from './trees-support.js';

const bytes = (model: Parameters<typeof encodeModelJson>[0]) => Buffer.from(encodeModelJson(model)).toString('latin1');
const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
const squares = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  mean(Array.from(a, (value, i) => (value - (b[i] as number)) ** 2));

describe('boosting against a naive exact tree', () => {
  it('S4.6: splits every node where trying all splits one by one finds the best, missing values on either side', async () => {
    await fc.assert(
      fc.asyncProperty(
        trainingData({ weighted: true }),
        fc.constantFrom(1, 2, 5),
        fc.constantFrom(0, 1.5),
        async (data, minDataInLeaf, lambdaL2) => {
          const params = boosting({ minDataInLeaf, lambdaL2, numIterations: 1, learningRate: 1, numLeaves: 64 });
          const counted = Array.from(data.target.keys()).filter((row) => data.weights?.[row] !== 0);
          const model = await gbdt.fit(data, params);
          if (model.roots.length === 0) {
            expect(bestGain(data, model.start, counted, params)).toBeLessThan(1e-6);
            return;
          }
          const rows = rowsByNode(model, 0, data, (columns, row) => leafOf(model, 0, columns, row));
          for (const [node, all] of rows) {
            const here = all.filter((row) => data.weights?.[row] !== 0);
            const best = bestGain(data, model.start, here, params);
            expect(model.count[node]).toBe(here.length);
            if ((model.left[node] as number) >= 0) expect(model.gain[node]).toBeCloseTo(best, 2);
            else {
              const { g, h } = sumOver(data, model.start, here);
              expect(best).toBeLessThan(1e-3);
              expect(model.value[node]).toBeCloseTo(-g / (h + lambdaL2), 4);
            }
          }
        },
      ),
      { numRuns: 40, seed: 1 },
    );
  }, 120_000);

  it('S4.6: parts levels as well as the best of all their subsets does', async () => {
    const next = lcg(9);
    for (let round = 0; round < 10; round++) {
      const level = Array.from({ length: 40 }, () => (next() < 0.1 ? Number.NaN : Math.floor(next() * 6) * 3));
      const data = matrixOf(
        { level },
        level.map((value) => (Number.isNaN(value) ? 4 : (value * 7) % 5) + next() * 3),
      );
      data.features[0] = { ...(data.features[0] as (typeof data.features)[number]), categorical: true };
      const params = boosting({
        catSmooth: 0,
        catL2: 0,
        minDataInLeaf: 1,
        numIterations: 1,
        learningRate: 1,
        numLeaves: 2,
      });
      const model = await gbdt.fit(data, params);
      expect(model.gain[0]).toBeCloseTo(bestGain(data, model.start, [...data.target.keys()], params), 3);
    }
  }, 60_000);
});

describe('the model does not depend on the number of threads', () => {
  const cases: Partial<BoostingParams>[] = [
    { objective: 'regression' },
    { objective: 'regression', growth: 'depth', maxDepth: 5, lambdaL1: 2, lambdaL2: 3 },
    { objective: 'poisson', baggingFraction: 0.7, featureFraction: 0.5 },
    { objective: 'binary', earlyStoppingRounds: 5, numIterations: 60 },
    { objective: 'quantile', alpha: 0.9 },
  ];
  it.each(cases)(
    'S4.6: 1, 2 and 4 threads give the same bytes: %j',
    async (params) => {
      const data = mixedData(6000);
      if (params.objective === 'poisson') data.target = data.target.map((value) => Math.max(0, Math.round(value)));
      if (params.objective === 'binary') data.target = data.target.map((value) => Number(value > 3));
      const all = boosting({ numIterations: 20, ...params });
      const [one, two, four] = await Promise.all(
        [1, 2, 4].map((threads) => gbdt.fit(structuredClone(data), all, { threads })),
      );
      expect(bytes(two as typeof one & object)).toBe(bytes(one as typeof one & object));
      expect(bytes(four as typeof one & object)).toBe(bytes(one as typeof one & object));
    },
    60_000,
  );

  it('S4.6: nor does a forest', async () => {
    const data = mixedData(4000);
    const params = forest.schema.parse({ numIterations: 8, featureFraction: 0.6 });
    const [one, three] = await Promise.all([1, 3].map((threads) => forest.fit(data, params, { threads })));
    expect(bytes(three as typeof one & object)).toBe(bytes(one as typeof one & object));
  }, 60_000);
});

describe('objectives', () => {
  it('S1.4: squared loss comes close to a smooth target, leaf-wise and depth-wise, and the rows held out end it early', async () => {
    const data = mixedData(5000);
    for (const params of [
      {},
      { growth: 'depth' as const, maxDepth: 6 },
      { earlyStoppingRounds: 10, numIterations: 2000 },
    ]) {
      const model = await gbdt.fit(data, boosting(params));
      expect(squares(gbdt.predict(model, data), data.target)).toBeLessThan(0.35);
      expect(model.roots.length).toBeLessThan(2000);
    }
  }, 60_000);

  it('S1.4: Poisson keeps the sum of counts, logistic their share, quantile the share below', async () => {
    const data = mixedData(5000);
    const counts = { ...data, target: data.target.map((value) => Math.max(0, Math.round(value))) };
    const poisson = gbdt.predict(await gbdt.fit(counts, boosting({ objective: 'poisson' })), data);
    expect(mean(poisson) / mean(counts.target)).toBeCloseTo(1, 2);
    expect(poisson.every((value) => value > 0)).toBe(true);
    const classes = { ...data, target: data.target.map((value) => Number(value > 3)) };
    const share = gbdt.predict(await gbdt.fit(classes, boosting({ objective: 'binary' })), data);
    expect(mean(share)).toBeCloseTo(mean(classes.target), 2);
    for (const alpha of [0.1, 0.5, 0.9]) {
      const quantile = gbdt.predict(await gbdt.fit(data, boosting({ objective: 'quantile', alpha })), data);
      const below = data.target.filter((value, row) => value <= (quantile[row] as number)).length / data.rows;
      expect(Math.abs(below - alpha)).toBeLessThan(0.03);
    }
  }, 60_000);

  it('S4.6: a monotone constraint holds along its feature, whatever the others are', async () => {
    const data = mixedData(4000);
    const model = await gbdt.fit(data, boosting({ monotoneConstraints: { a: 1, c: -1 }, numIterations: 50 }));
    const next = lcg(2);
    for (let round = 0; round < 200; round++) {
      const row = Math.floor(next() * data.rows);
      for (const [name, sign] of [
        ['a', 1],
        ['c', -1],
      ] as const) {
        const features = data.features.map((feature) => ({
          ...feature,
          values: Float32Array.from({ length: 40 }, (_, i) =>
            feature.name === name ? i / 4 : (feature.values[row] as number),
          ),
        }));
        const along = gbdt.predict(model, { rows: 40, features });
        for (let i = 1; i < 40; i++)
          expect(sign * ((along[i] as number) - (along[i - 1] as number))).toBeGreaterThanOrEqual(-1e-6);
      }
    }
  }, 60_000);

  it('S4.6: a row of weight k counts as k copies, one of weight 0 as none', async () => {
    await fc.assert(
      fc.asyncProperty(trainingData({ weighted: true }), async (data) => {
        const params = boosting({ numIterations: 3, minDataInLeaf: 1, minSumHessianInLeaf: 2 });
        const rows = Array.from(data.target.keys()).flatMap((row) => Array<number>(data.weights?.[row] ?? 0).fill(row));
        const copies = {
          rows: rows.length,
          features: data.features.map(({ name, values }) => ({
            name,
            values: Float32Array.from(rows, (row) => values[row] as number),
          })),
          target: Float64Array.from(rows, (row) => data.target[row] as number),
        };
        const weighted = gbdt.predict(await gbdt.fit(data, params), copies);
        const copied = gbdt.predict(await gbdt.fit(copies, params), copies);
        // Equal gains may be taken in another order; the loss cannot differ.
        expect(squares(weighted, copies.target)).toBeCloseTo(squares(copied, copies.target), 3);
      }),
      { numRuns: 15, seed: 3 },
    );
  }, 120_000);
});

describe('trees and forests', () => {
  it('S1.4: a tree without limits repeats the mean of rows that agree in all features', async () => {
    const data = matrixOf({ x: [1, 1, 2, 3, Number.NaN, Number.NaN] }, [4, 6, 7, 1, 9, 9]);
    const model = await tree.fit(data, tree.schema.parse({}));
    expect([...tree.predict(model, data)].map((value) => Math.round(value * 1e5) / 1e5)).toEqual([5, 5, 7, 1, 9, 9]);
  });

  it('S4.6: a forest is better than one of its trees on rows it has not seen; classes give shares', async () => {
    const data = mixedData(4000);
    const unseen = mixedData(2000, 77);
    const one = tree.predict(await tree.fit(data, tree.schema.parse({})), unseen);
    const many = forest.predict(
      await forest.fit(data, forest.schema.parse({ numIterations: 30 }), { threads: 2 }),
      unseen,
    );
    expect(squares(many, unseen.target)).toBeLessThan(0.75 * squares(one, unseen.target));
    const classes = { ...data, target: data.target.map((value) => Number(value > 3)) };
    const params = forest.schema.parse({ numIterations: 10, objective: 'binary', minDataInLeaf: 5 });
    const shares = forest.predict(await forest.fit(classes, params), unseen);
    expect(shares.every((share) => share >= 0 && share <= 1)).toBe(true);
  }, 60_000);

  it('S4.6: depth and rows of a leaf keep their bounds', async () => {
    const data = mixedData(3000);
    const model = await tree.fit(data, tree.schema.parse({ maxDepth: 4, minDataInLeaf: 100 }));
    expect(model.left.length).toBeLessThanOrEqual(31);
    expect(Math.min(...model.count)).toBeGreaterThanOrEqual(100);
  });
});

describe('bad input', () => {
  const good = () => mixedData(200);
  const fitWith = (change: (data: ReturnType<typeof good>) => void, params: Partial<BoostingParams> = {}) => {
    const data = good();
    change(data);
    return failure(() => gbdt.fit(data, boosting(params)));
  };

  it.each<[string, Parameters<typeof fitWith>, RegExp]>([
    [
      'a label that is NaN',
      [
        (data) => {
          data.target[3] = Number.NaN;
        },
      ],
      /target is missing or infinite in 1 row, first in row 3/,
    ],
    [
      'weights that are NaN',
      [
        (data) => {
          data.weights = new Float64Array(200).fill(Number.NaN);
        },
      ],
      /weight is missing/,
    ],
    [
      'weights that are all 0',
      [
        (data) => {
          data.weights = new Float64Array(200);
        },
      ],
      /all weights are 0/,
    ],
    [
      'negative counts',
      [
        (data) => {
          data.target[7] = -1;
        },
        { objective: 'poisson' },
      ],
      /a count is negative in row 7|negative/,
    ],
    ['counts that are all 0', [(data) => void data.target.fill(0), { objective: 'poisson' }], /all counts are 0/],
    [
      'counts that are all 0 where they weigh anything',
      [
        (data) => {
          data.target.fill(0).fill(3, 0, 9);
          data.weights = new Float64Array(200).fill(1, 9);
        },
        { objective: 'poisson' },
      ],
      /all counts are 0/,
    ],
    [
      'one class where rows weigh anything',
      [
        (data) => {
          data.target.fill(1).fill(0, 0, 9);
          data.weights = new Float64Array(200).fill(1, 9);
        },
        { objective: 'binary' },
      ],
      /all rows are of class 1/,
    ],
    ['a target beyond float32', [(data) => void data.target.fill(-1e38, 4)], /the target is -1e\+38 in row 4/],
    [
      'a level that float32 rounds',
      [(data) => void data.features[3]?.values.fill(2 ** 24)],
      /whole numbers below 16777216/,
    ],
    ['one class', [(data) => void data.target.fill(1), { objective: 'binary' }], /all rows are of class 1/],
    ['a class that is 0.5', [(data) => void data.target.fill(0.5), { objective: 'binary' }], /neither 0 nor 1/],
    [
      'no rows held out',
      [(data) => void data.target.fill(1), { earlyStoppingRounds: 5, validationFraction: 1e-9 }],
      /0 are held out/,
    ],
    ['a constraint on no feature', [() => undefined, { monotoneConstraints: { zz: 1 } }], /names zz/],
    ['a constraint on levels', [() => undefined, { monotoneConstraints: { level: 1 } }], /level has levels/],
  ])('S4.6: %s is GR-3002', async (_, args, message) => {
    const { code, message: text } = await fitWith(...args);
    expect(code).toBe('GR-3002');
    expect(text).toMatch(message);
  });

  it('S4.6: more than 255 levels are GR-3002, 255 with missing ones are not', async () => {
    const values = Float32Array.from({ length: 300 }, (_, row) => (row < 256 ? row : Number.NaN));
    const data = {
      rows: 300,
      features: [{ name: 'k', values, categorical: true }],
      target: new Float64Array(300).map((_, i) => i % 7),
    };
    expect(await failure(() => gbdt.fit(data, boosting()))).toMatchObject({
      code: 'GR-3002',
      message: expect.stringContaining('more than 255 levels'),
    });
    values[255] = Number.NaN;
    await expect(gbdt.fit(data, boosting())).resolves.toBeDefined();
  });

  it.each([1e18, 8e37])('S4.6: targets as large as %d give finite predictions, and gains that add up', async (size) => {
    const data = good();
    data.target = data.target.map((value) => (value / 16) * size);
    for (const [learner, params] of [
      [gbdt, boosting()],
      [forest, forest.schema.parse({ numIterations: 5 })],
    ] as const) {
      const model = (await learner.fit(data, params as never)) as TreeModel;
      expect(learner.predict(model, data).every(Number.isFinite)).toBe(true);
      const gains = learner.importance(model);
      expect(gains.every(Number.isFinite)).toBe(true);
      expect(Math.max(...gains)).toBeGreaterThan(0);
    }
  });

  it('S4.6: a constant target, one row and columns without values give the mean', async () => {
    const constant = { ...good(), target: new Float64Array(200).fill(3.25) };
    expect(new Set(gbdt.predict(await gbdt.fit(constant, boosting()), constant))).toEqual(new Set([3.25]));
    const one = matrixOf({ x: [5] }, [7]);
    expect([...gbdt.predict(await gbdt.fit(one, boosting()), one)]).toEqual([7]);
    const empty = matrixOf({ x: [Number.NaN, Number.NaN] }, [1, 3]);
    expect([...gbdt.predict(await gbdt.fit(empty, boosting({ minDataInLeaf: 1 })), empty)]).toEqual([2, 2]);
  });

  it('S4.6: 10,000 columns and features that a prediction lacks', async () => {
    const next = lcg(4);
    const features = Array.from({ length: 10_000 }, (_, f) => ({
      name: `f${f}`,
      values: Float32Array.from({ length: 50 }, next),
    }));
    const target = Float64Array.from(features[77]?.values ?? [], (value) => value * 3);
    const model = await gbdt.fit({ rows: 50, features, target }, boosting({ minDataInLeaf: 2, numIterations: 5 }), {
      threads: 2,
    });
    expect(gbdt.importance(model).indexOf(Math.max(...gbdt.importance(model)))).toBe(77);
    const few = { rows: 50, features: features.slice(0, 20) };
    expect(await failure(() => gbdt.predict(model, few))).toMatchObject({ code: 'GR-3008' });
  }, 60_000);

  it('S4.6: what does not fit into 4 GiB is GR-3007 before any memory is taken', async () => {
    const plan = { rows: 80_000_000, features: 30, threads: 2, maxBin: 255, numLeaves: 31, weighted: false };
    const more = { categorical: false, trainRows: plan.rows, validRows: 0, forest: false };
    expect(await failure(() => new KernelMemory({ ...plan, ...more }))).toMatchObject({ code: 'GR-3007' });
  });
});
