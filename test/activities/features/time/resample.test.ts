import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ResampleInput, resample } from '../../../../activities/features/time/resample.js';

interface Interval {
  series: number;
  from: number;
  to: number;
  amount: number;
  begin: number;
}

const inputOf = (all: Interval[], every = 10): ResampleInput => ({
  group: Int32Array.from(all, ({ series }) => series),
  series: 2,
  from: Float64Array.from(all, ({ from }) => from),
  to: Float64Array.from(all, ({ to }) => to),
  every,
  amounts: [Float64Array.from(all, ({ amount }) => amount)],
  begins: [Float64Array.from(all, ({ begin }) => begin)],
});

const interval = fc.record({
  series: fc.integer({ min: 0, max: 1 }),
  from: fc.integer({ min: -100, max: 100 }),
  to: fc.oneof(fc.integer({ min: -100, max: 160 }), fc.constant(Number.NaN)),
  amount: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant(Number.NaN)),
  begin: fc.integer({ min: -120, max: 120 }),
});

test('amounts are spread as a look at every moment spreads them, and add up (S1.2)', () => {
  fc.assert(
    fc.property(fc.array(interval, { maxLength: 30 }), (all) => {
      const grid = resample(inputOf(all));
      const good = all.filter(({ from, to, amount }) => from <= to && amount >= 0);
      expect(grid.leftOut).toBe(all.length - good.length);
      for (let series = 0; series < 2; series++) {
        const own = good.filter((one) => one.series === series);
        // By millisecond: an interval of no length is the one that it begins in.
        const met = own.map(({ from, to }) =>
          Array.from({ length: Math.max(1, to - from) }, (_, i) => Math.floor((from + i) / 10)),
        );
        const giving = met.filter((_, i) => (own[i]?.amount ?? 0) > 0).flat();
        const some = giving.length > 0 ? giving : met.flat();
        const places = [...grid.group.keys()].filter((at) => grid.group[at] === series);
        expect(places.map((at) => (grid.time[at] ?? 0) / 10)).toEqual(
          some.length === 0
            ? []
            : Array.from({ length: Math.max(...some) - Math.min(...some) + 1 }, (_, i) => Math.min(...some) + i),
        );
        for (const at of places) {
          const bucket = (grid.time[at] ?? 0) / 10;
          const amount = met.reduce(
            (sum, ms, i) => sum + ((own[i]?.amount ?? 0) * ms.filter((one) => one === bucket).length) / ms.length,
            0,
          );
          expect(grid.amounts[0]?.[at]).toBeCloseTo(amount, 10);
          expect(grid.active[at]).toBe(met.filter((ms) => ms.includes(bucket)).length);
          expect(grid.begins[0]?.[at]).toBe(
            all.filter((one) => one.series === series && Math.floor(one.begin / 10) === bucket).length,
          );
        }
        const total = places.reduce((sum, at) => sum + (grid.amounts[0]?.[at] ?? 0), 0);
        expect(total).toBeCloseTo(
          own.reduce((sum, { amount }) => sum + amount, 0),
          8,
        );
      }
    }),
    { seed: 21, numRuns: 300 },
  );
});

test('an amount of an interval of no length lies in the bucket of its beginning, and one of 400 days in all of its buckets', () => {
  const hour = 3_600_000;
  const zero = { series: 0, from: hour, to: hour, amount: 5, begin: hour };
  expect(Array.from(resample(inputOf([zero], hour)).amounts[0] ?? [])).toEqual([5]);
  const long = resample(inputOf([{ ...zero, from: 0, to: 400 * 24 * hour, amount: 9600 }], hour));
  expect(long.time.length).toBe(9600);
  expect(long.amounts[0]?.every((amount) => Math.abs(amount - 1) < 1e-9)).toBe(true);
});

test('a grid that a wrong time makes too large is refused before it is made', () => {
  const wrong = { series: 0, from: 0, to: 1e15, amount: 1, begin: 0 };
  expect(() => resample(inputOf([wrong], 1000))).toThrow(expect.objectContaining({ code: 'GR-3007' }));
});
