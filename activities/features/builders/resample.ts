import type { z } from 'zod';
import type { resample as schema } from '../../../config/definition/series.js';
import type { Column, Columns } from '../../../lake/types.js';
import { columnOf, gather, groupsOf } from './columns.js';
import { type BuildContext, numbers } from './context.js';

/** Own columns that it reads. */
export const resampleReads = ({ by, from, to, spread, begin }: z.output<typeof schema>): string[] => [
  ...new Set([...by, from, to, ...Object.values(spread), ...Object.values(begin)]),
];

/** The grid of buckets that the intervals of the working table make, series by series. */
export async function resample(
  self: Columns,
  params: z.output<typeof schema>,
  context: BuildContext,
): Promise<Columns> {
  const { by, every, time, spread, begin, active } = params;
  const column = (name: string): Float64Array => numbers(self.columns[name], name, 'self');
  const names = by.map((name) => columnOf(self, name));
  const group = groupsOf(names, self.rows);
  const first: number[] = [];
  for (let row = 0; row < group.length; row++) if (group[row] === first.length) first.push(row);
  const grid = await context.whole('resample', {
    group,
    series: first.length,
    from: column(params.from),
    to: column(params.to),
    every,
    amounts: Object.values(spread).map(column),
    begins: Object.values(begin).map(column),
  });
  context.note(`${time}_left_out`, grid.leftOut);
  const index = grid.group.map((series) => first[series]);
  const counts = (values: Float64Array): Column => ({ type: 'integer', values });
  return {
    rows: grid.time.length,
    columns: {
      ...Object.fromEntries(by.map((name, k) => [name, gather(names[k], index)])),
      [time]: { type: 'timestamp', values: grid.time },
      ...Object.fromEntries(
        Object.keys(spread).map((name, k): [string, Column] => [name, { type: 'double', values: grid.amounts[k] }]),
      ),
      ...Object.fromEntries(Object.keys(begin).map((name, k) => [name, counts(grid.begins[k])])),
      ...(active !== undefined && { [active]: counts(grid.active) }),
    },
  };
}
