import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rearrange } from '../../../../activities/features/builders/fit.js';
import { judge } from '../../../../activities/train/metrics.js';
import { seriesBeating, seriesMase } from '../../../../activities/train/series-metrics.js';

test('quantiles that cross are put in order, and the rows that did are counted', () => {
  const value = fc.integer({ min: -5, max: 5 });
  fc.assert(
    fc.property(fc.array(fc.tuple(value, value, value), { maxLength: 20 }), (rows) => {
      const columns = [0, 1, 2].map((k) => Float64Array.from(rows, (row) => row[k] ?? 0));
      const crossed = rearrange(columns, rows.length);
      expect(crossed).toBe(rows.filter(([a, b, c]) => a > b || b > c).length);
      for (const [i, row] of rows.entries())
        expect(columns.map((column) => column[i])).toEqual([...row].sort((a, b) => a - b));
    }),
    { seed: 41 },
  );
});

test('scaled errors are those of each series; one whose naive forecast never erred has none (S1.4)', () => {
  const judged = judge(Float64Array.of(1, 2, 3, 4, 0), Float64Array.of(2, 2, 5, 4, 0), undefined, {
    series: Float64Array.of(0, 0, 1, 1, 2),
    scale: Float64Array.of(1, 1, 4, 4, 0),
    naive: Float64Array.of(1, 3, 9, 9, 0),
  });
  const by = { by: 'series', scale: 'scale' };
  expect(seriesMase(judged, { ...by, take: 'mean' })).toBeCloseTo((0.5 / 1 + 1 / 4) / 2, 12);
  expect(seriesMase(judged, { ...by, take: 'median' })).toBeCloseTo(0.375, 12);
  expect(seriesMase(judged, { ...by, take: 'count' })).toBe(2);
  expect(seriesBeating(judged, { by: 'series', naive: 'naive' })).toBe(1);
});
