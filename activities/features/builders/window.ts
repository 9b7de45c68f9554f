import type { z } from 'zod';
import type { Moving, window as schema } from '../../../config/definition/series.js';
import type { Column, Columns } from '../../../lake/types.js';
import type { WindowSpec } from '../time/windows.js';
import { columnOf, groupsOf, sharedFloat64 } from './columns.js';
import { type BuildContext, numbers, withColumns } from './context.js';

/** Adds columns made of earlier rows of the same series: lags, differences, windows, expanding means. */
export async function window(self: Columns, params: z.output<typeof schema>, context: BuildContext): Promise<Columns> {
  const { by, time, every, offset, least, add } = params;
  const group = groupsOf(
    by.map((name) => columnOf(self, name)),
    self.rows,
  );
  const series = largest(group) + 1;
  const order = await context.whole('orderSeries', {
    group,
    series,
    time: numbers(self.columns[time], time, 'self'),
    ...(every !== undefined && { every }),
  });

  const columns = [...new Set(Object.values(add).map(({ column }) => column))];
  const keyed = [
    ...new Set(
      Object.values(add)
        .map(keyName)
        .filter((name) => name !== undefined),
    ),
  ];
  const keys = keyed.map((name) =>
    groupsOf(
      name.split(SEPARATOR).map((one) => columnOf(self, one)),
      self.rows,
    ),
  );
  const out = Object.values(add).map(() => sharedFloat64(self.rows));
  const input = {
    order,
    values: columns.map((name) => numbers(self.columns[name], name, 'self')),
    keys,
    codes: keys.map((codes) => largest(codes) + 1),
    specs: Object.values(add).map((moving) => specOf(moving, columns, keyed)),
    offset,
    ...(least !== undefined && { least }),
    out,
  };
  await context.kernelParts('windows', self.rows, (part, parts) => ({
    ...input,
    from: seriesAt(order.start, (self.rows * part) / parts),
    to: part + 1 === parts ? series : seriesAt(order.start, (self.rows * (part + 1)) / parts),
  }));
  return withColumns(
    self,
    Object.fromEntries(Object.keys(add).map((name, k): [string, Column] => [name, { type: 'double', values: out[k] }])),
  );
}

/** Own columns that it reads. */
export const windowReads = ({ by, time, add }: z.output<typeof schema>): string[] => [
  ...by,
  time,
  ...Object.values(add).flatMap((moving) => [moving.column, ...('keys' in moving ? moving.keys : [])]),
];

const SEPARATOR = ',';

/** Key columns of an expanding mean as one name. */
const keyName = (moving: Moving): string | undefined =>
  'keys' in moving && moving.keys.length > 0 ? moving.keys.join(SEPARATOR) : undefined;

function specOf(moving: Moving, columns: string[], keyed: string[]): WindowSpec {
  const value = columns.indexOf(moving.column);
  if (moving.op !== 'expanding_mean') {
    const { column: _, ...spec } = moving;
    return { ...spec, value };
  }
  const name = keyName(moving);
  return { op: moving.op, value, ...(name !== undefined && { key: keyed.indexOf(name) }) };
}

const largest = (codes: Int32Array): number => codes.reduce((most, code) => Math.max(most, code), -1);

/** The first series that begins at a place or behind it. */
function seriesAt(start: Int32Array, place: number): number {
  let low = 0;
  let high = start.length - 1;
  while (low < high) {
    const half = (low + high) >> 1;
    if (start[half] < place) low = half + 1;
    else high = half;
  }
  return low;
}
