import type { z } from 'zod';
import type { bufferShare as schema } from '../../../config/definition/table.js';
import type { Columns } from '../../../lake/types.js';
import { columnOf, sharedFloat64 } from './columns.js';
import { type BuildContext, coordinates, numbers, withColumns } from './context.js';

/**
 * Adds means over the discs of another table that a buffer round each own point meets, weighted by the share of the disc
 * inside it. A missing value takes its weight out of that mean; a point whose buffer meets nothing gets missing ones.
 */
export async function bufferShare(
  self: Columns,
  params: z.output<typeof schema>,
  context: BuildContext,
): Promise<Columns> {
  const averaged = Object.values(params.mean);
  const other = await context.read(params.of, [...new Set(['lon', 'lat', params.area, ...averaged])], params.where);
  const points = coordinates(other, params.of);
  const shares = await context.kernel(
    'bufferShare',
    {
      ...coordinates(self, 'self'),
      radiusM: params.radius,
      ofLon: points.lon,
      ofLat: points.lat,
      ofAreaM2: numbers(columnOf(other, params.area), params.area, params.of),
      ofTree: await context.tree(points),
    },
    self.rows,
  );

  const means = Object.entries(params.mean).map(([as, name]) => {
    const values = numbers(columnOf(other, name), name, params.of);
    return [as, { type: 'double' as const, values: weightedMeans(shares, values, self.rows) }];
  });
  const counted = sharedFloat64(self.rows);
  for (let row = 0; row < self.rows; row++) counted[row] = shares.start[row + 1] - shares.start[row];
  return withColumns(self, {
    ...Object.fromEntries(means),
    ...(params.count !== undefined && { [params.count]: { type: 'integer', values: counted } }),
  });
}

interface Shares {
  start: Int32Array;
  index: Int32Array;
  share: Float64Array;
}

function weightedMeans({ start, index, share }: Shares, values: Float64Array, rows: number): Float64Array {
  const means = sharedFloat64(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    let weight = 0;
    for (let i = start[row]; i < start[row + 1]; i++) {
      const value = values[index[i]];
      if (Number.isNaN(value)) continue;
      sum += share[i] * value;
      weight += share[i];
    }
    means[row] = weight > 0 ? sum / weight : Number.NaN;
  }
  return means;
}
