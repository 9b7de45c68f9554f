import type { z } from 'zod';
import type { countWithin as schema } from '../../../config/definition/table.js';
import type { Columns } from '../../../lake/types.js';
import { sharedFloat64 } from './columns.js';
import { type BuildContext, coordinates, withColumns } from './context.js';

/** Adds a column for each radius: how many points of another table lie within it, bounds included. */
export async function countWithin(
  self: Columns,
  params: z.output<typeof schema>,
  context: BuildContext,
): Promise<Columns> {
  const other = coordinates(await context.read(params.of, ['lon', 'lat'], params.where), params.of);
  const names = Object.keys(params.radii);
  const counts = await context.kernel(
    'countWithin',
    { ...coordinates(self, 'self'), ofLon: other.lon, ofLat: other.lat, radiiM: Object.values(params.radii) },
    self.rows,
  );
  return withColumns(
    self,
    Object.fromEntries(
      names.map((name, i) => {
        const values = sharedFloat64(self.rows);
        values.set(counts[i]);
        return [name, { type: 'integer', values }];
      }),
    ),
  );
}
