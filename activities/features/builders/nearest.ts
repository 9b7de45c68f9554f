import type { z } from 'zod';
import type { nearest as schema } from '../../../config/definition/table.js';
import type { Columns } from '../../../lake/types.js';
import { emptyNearest, type NearestResult } from '../geo/nearest.js';
import { columnOf, gather, sharedGroups, sharedInt32 } from './columns.js';
import { type BuildContext, coordinates, withColumns } from './context.js';

/** Adds columns of the nearest point of another table, and the metres to it. */
export async function nearest(self: Columns, params: z.output<typeof schema>, context: BuildContext): Promise<Columns> {
  const { to, take } = params;
  const other = await readNearest(params, context);
  const { index, distanceM } = await nearestRows(self, other, params, context);
  const unmatched: number[] = [];
  for (let row = 0; row < self.rows; row++) if (index[row] < 0) unmatched.push(row);
  if (params.unmatched === 'quarantine' && unmatched.length > 0)
    context.quarantine(
      Int32Array.from(unmatched),
      `${Object.keys(take)[0] ?? params.distance}.nearest`,
      `no point of ${to} to be nearest to`,
    );
  return withColumns(self, {
    ...Object.fromEntries(Object.entries(take).map(([as, name]) => [as, gather(columnOf(other, name), index)])),
    ...(params.distance !== undefined && { [params.distance]: { type: 'double', values: distanceM } }),
  });
}

type Asked = Pick<z.output<typeof schema>, 'to' | 'where' | 'within' | 'take'>;

/** The rows of the other table that `params` ask about, with what is asked of them. */
export const readNearest = ({ to, where, within = {}, take }: Asked, context: BuildContext): Promise<Columns> =>
  context.read(to, ['lon', 'lat', ...Object.values(within), ...Object.values(take)], where);

/** Which of these rows of the other table is nearest to each own row. */
export async function nearestRows(
  self: Columns,
  other: Columns,
  { to, within = {} }: Asked,
  context: BuildContext,
): Promise<NearestResult> {
  const theirKeys = Object.values(within);
  const points = coordinates(other, to);
  const groups = theirKeys.length > 0 && {
    own: Object.keys(within).map((name) => columnOf(self, name)),
    their: theirKeys.map((name) => columnOf(other, name)),
  };
  const [group, ofGroup] = groups ? sharedGroups(groups.own, groups.their, self.rows, other.rows) : [];
  const grouped = group && ofGroup && { group, ofGroup };
  const own = coordinates(self, 'self');
  const [askedTree, ofTree] = await Promise.all([
    context.tree({ ...own, ...(group && { group }) }),
    context.tree({ ...points, ...(ofGroup && { group: ofGroup }) }),
  ]);
  const share = { next: sharedInt32(1), ...emptyNearest(self.rows) };
  const input = { ...own, ofLon: points.lon, ofLat: points.lat, ...grouped, askedTree, ofTree, share };
  await context.kernelParts('nearest', self.rows, () => input);
  return { index: share.index, distanceM: share.distanceM };
}
