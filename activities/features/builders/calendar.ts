import type { z } from 'zod';
import { PERIODS, type calendar as schema } from '../../../config/definition/series.js';
import type { Column, Columns } from '../../../lake/types.js';
import { type BuildContext, numbers, withColumns } from './context.js';

/** Adds what the clock and the calendar of a place say of each time. */
export async function calendar(
  self: Columns,
  { time, zone, holidays, add }: z.output<typeof schema>,
  context: BuildContext,
): Promise<Columns> {
  const values = await context.kernel(
    'calendar',
    {
      time: numbers(self.columns[time], time, 'self'),
      zone,
      ...(holidays !== undefined && { holidays }),
      fields: Object.values(add).map((field) => ({
        ...field,
        ...(field.part in PERIODS && { period: PERIODS[field.part as keyof typeof PERIODS] }),
      })),
    },
    self.rows,
  );
  const columns = Object.entries(add).map(([name, { wave }], k): [string, Column] => [
    name,
    { type: wave === undefined ? 'integer' : 'double', values: values[k] },
  ]);
  return withColumns(self, Object.fromEntries(columns));
}
