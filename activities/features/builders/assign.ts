import type { z } from 'zod';
import type { assign as schema } from '../../../config/definition/table.js';
import type { Columns } from '../../../lake/types.js';
import { textColumn } from './columns.js';
import { type BuildContext, coordinates, withColumns } from './context.js';

/** Adds the id of the polygon that each point lies in, or whose edge is nearest within `maxDistance`. */
export async function assign(self: Columns, params: z.output<typeof schema>, context: BuildContext): Promise<Columns> {
  const { ids, layer } = await context.polygons(params.polygons, params.where);
  const maxDistanceM = params.maxDistance ?? 0;
  const { polygon, distanceM } = await context.kernel(
    'assignPoints',
    { ...coordinates(self, 'self'), layer, maxDistanceM },
    self.rows,
  );

  let inside = 0;
  const unmatched: number[] = [];
  for (let row = 0; row < self.rows; row++) {
    if (polygon[row] < 0) unmatched.push(row);
    else if (distanceM[row] === 0) inside += 1;
  }
  context.note(`${params.as}_inside`, inside);
  context.note(`${params.as}_nearest`, self.rows - inside - unmatched.length);
  context.note(`${params.as}_unmatched`, unmatched.length);
  if (params.unmatched === 'quarantine' && unmatched.length > 0)
    context.quarantine(
      Int32Array.from(unmatched),
      `${params.as}.assign`,
      `in no polygon of ${params.polygons}${maxDistanceM > 0 ? `, and none within ${maxDistanceM} m` : ''}`,
    );
  return withColumns(self, {
    [params.as]: textColumn(self.rows, (row) => (polygon[row] < 0 ? null : ids[polygon[row]])),
  });
}
