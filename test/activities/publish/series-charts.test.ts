import { expect, test } from 'vitest';
import { renderCharts } from '../../../activities/publish/series-charts.js';

test('lines skip what is missing, a band lies between its bounds, and texts of data are escaped', () => {
  const { text } = renderCharts([
    {
      title: '<b>',
      kind: 'lines',
      x: { name: 'ts', type: 'time', values: [0, 3_600_000, 7_200_000, 10_800_000] },
      lines: [{ name: 'a&b', values: [1, null, 3, 4] }],
      band: { name: 'low to high', low: [0, 0, 1, null], high: [2, 2, 4, 5] },
    },
  ]);
  expect(text).toContain('&lt;b&gt;');
  expect(text).toContain('a&amp;b');
  expect(text).toContain('01:00');
  expect(text.match(/class="champion" d="M[^"]*M/)).not.toBeNull();
  expect(text).toContain('<path class="band"');
});

test('cells of a heat map are as strong as they are large, and their sign is another colour', () => {
  const { text } = renderCharts([
    {
      title: 'missed',
      kind: 'heat',
      x: 'hour',
      y: 'day',
      value: 'kwh',
      cells: [
        { x: 0, y: 0, value: -2 },
        { x: 1, y: 0, value: 1 },
        { x: 0, y: 1, value: null },
      ],
    },
  ]);
  expect(text).toMatch(/rect class="baseline"[^>]*fill-opacity="1\.00"/);
  expect(text).toMatch(/rect class="champion"[^>]*fill-opacity="0\.50"/);
  expect(text).toContain('±2');
});

test('charts of nothing say so', () => {
  const { text } = renderCharts([
    { title: 'none', kind: 'lines', x: { name: 'x', type: 'number', values: [] }, lines: [{ name: 'y', values: [] }] },
    { title: 'none', kind: 'heat', x: 'a', y: 'b', value: 'c', cells: [] },
  ]);
  expect(text.match(/Nothing to draw/g)).toHaveLength(2);
});
