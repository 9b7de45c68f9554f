import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge, METRICS, metricOf, topRows } from '../../../activities/train/metrics.js';
import { lexicographicScore, midRanks, rankRows, tieOrder } from '../../../activities/train/ranking.js';
import type { Metric } from '../../../config/definition/model.js';
import { failure, lcg } from './support.js';

/** 40 rows: targets of whole numbers from 0 to 5 and predictions that follow them a little; `tied` has few values. */
function fixedCase() {
  const next = lcg(11);
  const target = Float64Array.from({ length: 40 }, () => Math.max(0, Math.floor(next() * 12 - 6)));
  const prediction = target.map((value) => next() * 3 + value * 0.2);
  return { target, prediction, tied: prediction.map((value) => Math.floor(value * 2) / 2) };
}

const compute = (metric: Metric, target: Float64Array, prediction: Float64Array, ties?: Uint32Array) =>
  metricOf(metric).compute(judge(target, prediction, ties));

describe('metrics on 40 fixed rows give what scikit-learn and scipy give', () => {
  const { target, prediction, tied } = fixedCase();

  it.each<[Metric, number]>([
    [{ ndcg: { k: 10 } }, 0.48712775582601986],
    [{ ndcg: { k: 1000 } }, 0.7386811178212407],
    [{ auc: { above: 0 } }, 0.6346153846153846],
    [{ spearman: {} }, 0.22357893842504667],
    [{ mae: {} }, 1.3501445250120014],
    [{ rmse: {} }, 1.62263747550059],
    [{ r2: {} }, -0.08603346301579884],
    [{ capture: { share: 0.1 } }, 0.14634146341463414],
    [{ capture: { share: 0.26 } }, 0.36585365853658536],
  ])('%j', (metric, expected) => {
    expect(compute(metric, target, prediction)).toBeCloseTo(expected, 12);
  });

  it('with ties, which count half in the ROC AUC and share ranks in Spearman', () => {
    expect(compute({ auc: { above: 0 } }, target, tied)).toBeCloseTo(0.6758241758241758, 12);
    expect(compute({ auc: { above: 2 } }, target, tied)).toBeCloseTo(0.564453125, 12);
    expect(compute({ spearman: {} }, target, tied)).toBeCloseTo(0.2926280465437045, 12);
  });
});

describe('metrics of classes, quantiles and forecasts on fixed rows give what scikit-learn gives', () => {
  const target = Float64Array.of(0, 1, 1, 0, 1, 0, 0, 1);
  const probability = Float64Array.of(0.1, 0.9, 0.4, 0.5, 0.7, 0.2, 0.8, 0.55);
  it.each<[Metric, number]>([
    [{ log_loss: {} }, 0.5759065440240521],
    [{ brier: {} }, 0.2003125],
    [{ accuracy: { above: 0, threshold: 0.5 } }, 0.625],
    [{ f1: { above: 0, threshold: 0.5 } }, 2 / 3],
  ])('S1.5: %j', (metric, expected) => {
    expect(compute(metric, target, probability)).toBeCloseTo(expected, 12);
  });

  it.each<[Metric, number]>([
    [{ pinball: { alpha: 0.1 } }, 0.38],
    [{ pinball: { alpha: 0.9 } }, 0.22],
    [{ mase: { scale: 2 } }, 0.3],
  ])('S1.5: %j', (metric, expected) => {
    expect(compute(metric, Float64Array.of(3, -1, 2, 7, 4.5), Float64Array.of(2.5, 0, 2, 8, 4))).toBeCloseTo(
      expected,
      12,
    );
  });

  // Ties on both sides, certainty that is wrong, no positive prediction, and small differences of large numbers.
  const counts = Float64Array.of(0, 3, 0, 2, 2, 7, 0, 1);
  const tied = Float64Array.of(0.5, 0.5, 0.5, 2, 2, 2, 0, 1);
  const classes = counts.map((value) => Number(value > 0));
  const certain = Float64Array.of(0, 1, 1, 0, 1, 1, 0, 1);
  const lift = (values: Float64Array) => values.map((value) => value + 1e9);
  const cut = { above: 0, threshold: 0.5 };
  it.each<[Metric, Float64Array, Float64Array, number]>([
    [{ auc: { above: 0 } }, counts, tied, 0.9333333333333333],
    [{ auc: { above: 0 } }, counts, new Float64Array(8), 0.5],
    [{ spearman: {} }, counts, tied, 0.6710934527955676],
    [{ ndcg: { k: 3 } }, counts, Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8), 0.45487676745224115],
    [{ rmse: {} }, counts, tied, 1.9921721813136535],
    [{ r2: {} }, lift(counts), lift(tied), 0.18327974276527326],
    [{ pinball: { alpha: 0.05 } }, counts, tied, 0.165625],
    [{ pinball: { alpha: 0.95 } }, counts, tied, 0.896875],
    [{ log_loss: {} }, classes, certain, 9.010913347279288],
    [{ log_loss: {} }, Float64Array.of(1, 0), Float64Array.of(1e-300, 1e-300), 18.021826694558577],
    [{ log_loss: {} }, Float64Array.of(1, 1), Float64Array.of(0.3, 0.9), 0.6546666599918812],
    [{ brier: {} }, Float64Array.of(1, 1), Float64Array.of(0.3, 0.9), 0.25],
    [{ accuracy: cut }, classes, tied, 0.75],
    [{ f1: cut }, classes, tied, 0.8333333333333334],
    [{ f1: cut }, Float64Array.of(1, 0, 1), new Float64Array(3), 0],
    [{ f1: cut }, new Float64Array(2), Float64Array.of(1, 0), 0],
  ])('S1.5: %j of %s by %s', (metric, truth, prediction, expected) => {
    expect(compute(metric, truth, prediction)).toBeCloseTo(expected, 12);
  });

  it('S1.5: are not defined for targets that are no classes, nor F1 where nothing is positive', () => {
    const zeros = new Float64Array(3);
    expect(compute({ log_loss: {} }, Float64Array.of(0, 2, 1), zeros)).toBeNaN();
    expect(compute({ brier: {} }, Float64Array.of(0, 2, 1), zeros)).toBeNaN();
    expect(compute({ f1: { above: 0, threshold: 0.5 } }, zeros, zeros)).toBeNaN();
  });
});

const rows = fc
  .array(fc.record({ target: fc.integer({ min: 0, max: 4 }), prediction: fc.integer({ min: -3, max: 3 }) }), {
    minLength: 1,
    maxLength: 60,
  })
  .map((list) => ({
    target: Float64Array.from(list, (row) => row.target),
    prediction: Float64Array.from(list, (row) => row.prediction),
    ties: tieOrder(list.map((_, row) => `key ${row}`)),
  }));

describe('metrics against brute force', () => {
  it('ROC AUC is the share of pairs in the right order, ties half', () => {
    fc.assert(
      fc.property(rows, ({ target, prediction }) => {
        let right = 0;
        let pairs = 0;
        target.forEach((y, i) => {
          target.forEach((z, j) => {
            if (y <= 0 || z > 0) return;
            pairs++;
            const difference = (prediction[i] as number) - (prediction[j] as number);
            right += difference > 0 ? 1 : difference === 0 ? 0.5 : 0;
          });
        });
        const actual = compute({ auc: { above: 0 } }, target, prediction);
        if (pairs === 0) expect(actual).toBeNaN();
        else expect(actual).toBeCloseTo(right / pairs, 12);
      }),
    );
  });

  it('capture and NDCG follow the order by prediction, then by hash of the key', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 70 }), ({ target, prediction, ties }, k) => {
        const order = [...target.keys()].sort(
          (a, b) => (prediction[b] as number) - (prediction[a] as number) || (ties[a] as number) - (ties[b] as number),
        );
        const total = target.reduce((sum, value) => sum + value, 0);
        const discounted = (gains: number[]) =>
          gains.slice(0, k).reduce((sum, gain, place) => sum + gain / Math.log2(place + 2), 0);
        const gains = order.map((row) => target[row] as number);
        const ndcg = compute({ ndcg: { k } }, target, prediction, ties);
        const capture = compute({ capture: { share: 0.3 } }, target, prediction, ties);
        if (total === 0) {
          expect([ndcg, capture]).toEqual([Number.NaN, Number.NaN]);
          return;
        }
        expect(ndcg).toBeCloseTo(discounted(gains) / discounted(gains.toSorted((a, b) => b - a)), 12);
        const top = gains.slice(0, Math.ceil((3 * gains.length) / 10)).reduce((sum, gain) => sum + gain, 0);
        expect(capture).toBeCloseTo(top / total, 12);
      }),
    );
  });

  it('order-only metrics do not change when predictions are stretched', () => {
    fc.assert(
      fc.property(rows, ({ target, prediction, ties }) => {
        const stretched = prediction.map((value) => Math.exp(value) * 1e6);
        for (const metric of [
          { capture: { share: 0.2 } },
          { ndcg: { k: 9 } },
          { auc: { above: 1 } },
          { spearman: {} },
        ]) {
          expect(compute(metric, target, stretched, ties)).toBe(compute(metric, target, prediction, ties));
        }
      }),
    );
  });
});

describe('metrics at the edges', () => {
  const of = (...values: number[]) => Float64Array.from(values);

  it('are NaN where they are not defined', () => {
    expect(compute({ auc: { above: 0 } }, of(1, 2), of(1, 2))).toBeNaN();
    expect(compute({ spearman: {} }, of(1, 2), of(3, 3))).toBeNaN();
    expect(compute({ r2: {} }, of(0.1, 0.1, 0.1), of(1, 2, 3))).toBeNaN();
    expect(compute({ ndcg: { k: 1 } }, of(-1, 2), of(1, 2))).toBeNaN();
    expect(compute({ capture: { share: 0.5 } }, of(0, 0), of(1, 2))).toBeNaN();
  });

  it('refuse lengths that differ and values that are not finite with GR-3002, naming the row', async () => {
    expect((await failure(() => judge(of(1, 2), of(1)))).code).toBe('GR-3002');
    const { code, message } = await failure(() => judge(of(1, 2), of(1, Number.NaN)));
    expect([code, message.includes('row 1')]).toEqual(['GR-3002', true]);
  });

  it('take the top share rounded up, but not up from a whole number that rounding overshot', () => {
    expect(topRows(0.1, 74133)).toBe(7414);
    expect(topRows(0.1, 74130)).toBe(7413); // 0.1 × 74130 is 7413.000000000001 in float64
    expect(topRows(1, 5)).toBe(5);
    expect(topRows(1e-9, 5)).toBe(1);
  });

  it('say which way is better and which read sizes', () => {
    const names = Object.keys(METRICS) as (keyof typeof METRICS)[];
    expect(names.filter((name) => METRICS[name].better === 'lower')).toEqual([
      'mae',
      'rmse',
      'log_loss',
      'brier',
      'pinball',
      'mase',
      'series_mase',
    ]);
    expect(names.filter((name) => !METRICS[name].readsSize)).toEqual(['capture', 'ndcg', 'auc', 'spearman']);
  });
});

describe('ranking', () => {
  it('orders ties by ascending hex SHA-256 of the key, equal keys by row', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 3 }), { maxLength: 50 }), (keys) => {
        const hex = keys.map((key) => createHash('sha256').update(key, 'utf8').digest('hex'));
        const order = [...keys.keys()].sort((a, b) =>
          (hex[a] as string) < (hex[b] as string) ? -1 : hex[a] === hex[b] ? a - b : 1,
        );
        const places = tieOrder(keys);
        order.forEach((row, place) => {
          expect(places[row]).toBe(place);
        });
      }),
    );
  });

  it('puts the highest prediction first, infinite ones too, ties by place', () => {
    const values = Float64Array.of(
      1,
      Number.NEGATIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      1,
      Number.POSITIVE_INFINITY,
      -0,
      0,
    );
    expect([...rankRows(values)]).toEqual([2, 4, 0, 3, 5, 6, 1]);
    expect([...rankRows(values, Uint32Array.of(6, 5, 4, 3, 2, 1, 0))]).toEqual([4, 2, 3, 0, 6, 5, 1]);
  });

  it('gives equal values the mean of their ranks', () => {
    expect([...midRanks(Float64Array.of(5, 1, 5, 2, 5))]).toEqual([4, 1, 4, 2, 4]);
  });

  it('orders by the first column, then the second, missing last, equal rows sharing a score', () => {
    const first = Float64Array.of(2, 1, 2, 2, Number.NaN, 1);
    const second = Float64Array.of(0, 9, 3, 0, 100, Number.NaN);
    expect([...lexicographicScore([first, second])]).toEqual([3, 2, 4, 3, 0, 1]);
    expect([...lexicographicScore([])]).toEqual([]);
  });
});
