import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EvaluateInput, evaluate, withEvaluation } from '../../../activities/train/evaluate.js';
import { toFeatures } from '../../../activities/train/features.js';
import { poolFolds, predictFold, splitFold } from '../../../activities/train/folds.js';
import { fitModel, LEARNERS, learnerOf, parseParams, predictModel } from '../../../activities/train/learners.js';
import { liftCurve } from '../../../activities/train/lift.js';
import { measureSlices } from '../../../activities/train/measure.js';
import { judge } from '../../../activities/train/metrics.js';
import { ridge } from '../../../activities/train/ridge.js';
import { takeTraining } from '../../../activities/train/take.js';
import { failure, fixedData, trainingData } from './support.js';

const target = Float64Array.of(5, 0, 3, 0, 0, 1, 0, 0, 0, 0);
const ties = Uint32Array.from(target, (_, row) => row);
const perfect = target.slice();
const poor = Float64Array.from(target, (_, row) => row);

const input = (over: Partial<EvaluateInput> = {}): EvaluateInput => ({
  target,
  ties,
  models: { zeta: { prediction: perfect, scale: 'count' }, alpha: { prediction: poor, scale: 'count' } },
  baselines: { nearby: { prediction: Float64Array.of(9, 8, 7, 6, 5, 4, 3, 2, 1, 0), scale: 'rank' } },
  metrics: { top: { capture: { share: 0.1 } }, error: { mae: {} }, any: { auc: { above: 0 } } },
  judge: { metric: 'top', better: 'higher' },
  ...over,
});

describe('evaluate', () => {
  it('names the best model on the asked scale champion and leaves sizes out for ranks (S1.5, S1.6)', () => {
    const { table, losses, beaten, verdict } = evaluate(input());
    expect(table).toEqual({
      champion: 'zeta',
      models: {
        alpha: { any: 4 / 21, error: expect.any(Number), top: 0 },
        zeta: { any: 1, error: 0, top: 5 / 9 },
      },
      baselines: { nearby: { any: 17 / 21, top: 5 / 9 } },
    });
    expect(Object.keys(table.models)).toEqual(['alpha', 'zeta']);
    expect([losses, beaten]).toEqual([[], false]);
    expect(verdict).toBe('zeta (top 0.5556) is at least as good as every baseline.');
  });

  it('says plainly that the champion loses to a baseline, the judging metric first', () => {
    const models = { alpha: { prediction: poor, scale: 'count' as const } };
    const { beaten, losses, verdict } = evaluate(input({ models }));
    expect(beaten).toBe(true);
    expect(losses.map(({ metric }) => metric)).toEqual(['top', 'any']);
    expect(verdict).toBe(
      'alpha (top 0) LOSES to a baseline: nearby on top (0.5556 against 0). Where else a baseline is better: nearby on any (0.8095 against 0.1905).',
    );
  });

  it('takes errors the other way round, and the earlier name of equals', () => {
    const judgedByError = evaluate(input({ judge: { metric: 'error', better: 'lower' } }));
    expect(judgedByError.table.champion).toBe('zeta');
    const twins = {
      b: { prediction: perfect, scale: 'count' as const },
      a: { prediction: perfect, scale: 'count' as const },
    };
    expect(evaluate(input({ models: twins })).table.champion).toBe('a');
  });

  it('never crowns a model on another scale, however good; without any it fails with GR-3002', async () => {
    const ranker = { prediction: perfect, scale: 'rank' as const };
    expect(evaluate(input({ models: { ranker, alpha: { prediction: poor, scale: 'count' } } })).table.champion).toBe(
      'alpha',
    );
    expect((await failure(() => evaluate(input({ models: { ranker } })))).code).toBe('GR-3002');
    expect(evaluate(input({ models: { ranker }, scale: 'rank' })).table.champion).toBe('ranker');
  });

  it('writes an undefined metric as null, which JSON can hold', () => {
    const metrics = { top: { capture: { share: 0.1 } }, high: { auc: { above: 99 } } };
    const { table } = evaluate(input({ metrics }));
    expect(JSON.parse(JSON.stringify(table)).models.zeta).toEqual({ high: null, top: 5 / 9 });
  });

  it('adds further evaluations under endings of the models\u2019 names', () => {
    const { table } = evaluate(input());
    const joined = withEvaluation(
      table,
      'backtest',
      evaluate(input({ models: { zeta: { prediction: poor, scale: 'count' } } })).table,
    );
    expect(Object.keys(joined.models)).toEqual(['alpha', 'zeta', 'zeta_backtest']);
    expect(Object.keys(joined.baselines)).toEqual(['nearby', 'nearby_backtest']);
    expect(Object.keys(withEvaluation(table, 'other', { models: {} }).baselines)).toEqual(['nearby']);
  });

  it('measures each part of the rows alone', () => {
    const part = Int32Array.of(0, 0, 0, 2, 2, 2, 2, -1, -1, -1);
    const slices = measureSlices(input(), { prediction: perfect, scale: 'count' }, part, ['city', 'empty', 'country']);
    expect(slices.map(({ label, rows }) => [label, rows])).toEqual([
      ['city', 3],
      ['country', 4],
    ]);
    expect(slices[1]?.metrics).toEqual({ any: 1, error: 0, top: 1 });
  });
});

describe('the lift curve', () => {
  it('runs from (0, 0) to (1, 1) in at most 100 points and never falls', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 3000 }), (gains) => {
        const values = Float64Array.from(gains);
        const points = liftCurve(
          judge(
            values,
            values.map((_, row) => (row * 7919) % 1013),
          ),
        );
        if (gains.every((gain) => gain === 0)) {
          expect(points).toEqual([]);
          return;
        }
        expect(points.length).toBeLessThanOrEqual(100);
        expect([points[0], points.at(-1)]).toEqual([
          { rows: 0, gain: 0 },
          { rows: 1, gain: 1 },
        ]);
        for (let i = 1; i < points.length; i++) {
          expect(points[i]?.rows).toBeGreaterThan(points[i - 1]?.rows as number);
          expect(points[i]?.gain).toBeGreaterThanOrEqual(points[i - 1]?.gain as number);
        }
      }),
    );
  });
});

describe('folds', () => {
  it('predict each row by a model that has not seen its fold', async () => {
    await fc.assert(
      fc.asyncProperty(trainingData(), async (data) => {
        fc.pre(data.rows >= 6);
        const folds = Array.from({ length: data.rows }, (_, row) => row % 3);
        const parts = await Promise.all([2, 0, 1].map((fold) => predictFold({ learner: 'ridge', data, folds, fold })));
        const pooled = poolFolds(data.rows, parts);
        const { inside, outside } = splitFold(folds, 1);
        const model = ridge.fit(takeTraining(data, outside), { alpha: 1 });
        const own = ridge.predict(model, data);
        for (const row of inside) expect(pooled[row]).toBe(own[row]);
      }),
      { numRuns: 50 },
    );
  });

  it('refuse rows of no fold and rows of two with GR-3002', async () => {
    const part = { rows: Int32Array.of(0, 2), prediction: Float64Array.of(1, 2) };
    expect((await failure(() => poolFolds(3, [part]))).message).toContain('row 1 lies in none');
    expect((await failure(() => poolFolds(3, [part, part]))).message).toContain('row 0 lies in two');
    const { data } = fixedData();
    const all = Array<number>(60).fill(0);
    expect((await failure(() => predictFold({ learner: 'ridge', data, folds: all, fold: 0 }))).code).toBe('GR-3002');
    expect((await predictFold({ learner: 'ridge', data, folds: all, fold: 1 })).rows).toHaveLength(0);
  });
});

describe('learners by name', () => {
  it('stand under their own names and fill in their defaults', async () => {
    for (const [name, learner] of Object.entries(LEARNERS)) expect(learner.name).toBe(name);
    expect(parseParams('ridge', {})).toEqual({ alpha: 1 });
    const { data } = fixedData();
    const model = await fitModel({ learner: 'ridge', data });
    expect(predictModel({ model, matrix: data })).toEqual(ridge.predict(ridge.fit(data, { alpha: 1 }), data));
  });

  it('refuse unknown names and parameters with GR-1003', async () => {
    expect((await failure(() => learnerOf('toString'))).code).toBe('GR-1003');
    expect((await failure(() => parseParams('ridge', { alfa: 1 }))).message).toContain('alfa');
    expect((await failure(() => parseParams('ridge', { alpha: -1 }))).message).toContain('alpha');
  });
});

describe('toFeatures', () => {
  it('S1.4: a model reads the same texts from tables that number them in other orders, and has not seen others', async () => {
    const text = (...values: (string | null)[]) => {
      const dictionary = [...new Set(values.filter((value) => value !== null))];
      const codes = Int32Array.from(values, (value) => (value === null ? -1 : dictionary.indexOf(value)));
      return { rows: values.length, columns: { t: { type: 'text' as const, codes, dictionary } } };
    };
    const learner = learnerOf('tree');
    const of = (...values: (string | null)[]) => toFeatures(text(...values), ['t']);
    const data = { ...of('a', 'b', 'c', null, 'a', 'b'), target: Float64Array.of(1, 5, 9, 20, 1, 5) };
    const model = await learner.fit(data, parseParams('tree', { catSmooth: 0, catL2: 0 }));
    const [c, a, none, b, other] = learner.predict(model, of('c', 'a', null, 'b', 'new'));
    expect([a, b, c, none].map((value) => value?.toFixed(5))).toEqual(['1.00000', '5.00000', '9.00000', '20.00000']);
    expect(other).toBe(none);
  });

  it('S4.6: two texts of one level are refused', async () => {
    // Both digests begin with the same 24 bits.
    const t = { type: 'text' as const, codes: Int32Array.of(0, 1), dictionary: ['t5349', 't7818'] };
    expect(await failure(() => toFeatures({ rows: 2, columns: { t } }, ['t']))).toMatchObject({
      code: 'GR-3002',
      message: expect.stringContaining('two texts of feature t share a level'),
    });
  });

  it('rounds to float32, turns booleans to 0 and 1, text to categories, missing to NaN', async () => {
    const table = {
      rows: 2,
      columns: {
        n: { type: 'double' as const, values: Float64Array.of(0.1, Number.NaN) },
        b: { type: 'boolean' as const, values: Uint8Array.of(1, 255) },
        t: { type: 'text' as const, codes: Int32Array.of(-1, 0), dictionary: ['x'] },
      },
    };
    expect(toFeatures(table, ['t', 'n', 'b'])).toEqual({
      rows: 2,
      features: [
        { name: 't', values: Float32Array.of(Number.NaN, 0x2d7116), categorical: true },
        { name: 'n', values: Float32Array.of(0.1, Number.NaN) },
        { name: 'b', values: Float32Array.of(1, Number.NaN) },
      ],
    });
    expect(await failure(() => toFeatures(table, ['n', 'gone']))).toMatchObject({ code: 'GR-3008' });
  });
});
