import type { z } from 'zod';
import type { countWithin as schema } from '../../../config/definition/table.js';
import type { Columns } from '../../../lake/types.js';
import { sharedFloat64, sharedInt32 } from './columns.js';
import { type BuildContext, coordinates, withColumns } from './context.js';

/** Adds a column for each radius: how many points of another table lie within it, bounds included. */
export async function countWithin(
  self: Columns,
  params: z.output<typeof schema>,
  context: BuildContext,
): Promise<Columns> {
  const own = coordinates(self, 'self');
  const other = coordinates(await context.read(params.of, ['lon', 'lat'], params.where), params.of);
  const [askedTree, ofTree] = await Promise.all([context.tree(own), context.tree(other)]);
  const names = Object.keys(params.radii);
  const counts = names.map(() => sharedInt32(self.rows));
  const input = {
    ...own,
    ofLon: other.lon,
    ofLat: other.lat,
    radiiM: Object.values(params.radii),
    askedTree,
    ofTree,
    share: { next: sharedInt32(1), counts },
  };
  await context.kernelParts('countWithin', self.rows, () => input);
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
