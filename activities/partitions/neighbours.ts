import type { Builder } from '../../config/definition/table.js';
import { GeorefreshError } from '../../config/errors.js';
import type { Columns } from '../../lake/types.js';
import { columnOf, sharedGroups } from '../features/builders/columns.js';
import { type BuildContext, coordinates } from '../features/builders/context.js';
import { nearestRows, readNearest } from '../features/builders/nearest.js';

/** The rows of a table that are divided, and what of each the builders need. */
export interface Divided {
  rows: number;
  /** Partition of each row, 0 … groups - 1. */
  group: Int32Array;
  groups: number;
  columns(names: string[]): Promise<Columns>;
}

/** Pairs of a partition and a row of another table that can reach it, rows ascending within a partition. */
export interface Pairs {
  list: Int32Array;
  row: Int32Array;
}

/** Rows of another table that can reach partitions. */
export interface Neighbours {
  /** What the builder reads of that table. */
  table: Columns;
  /** Which can reach which: asked only where this table or that one has changed. */
  pairs(): Promise<Pairs>;
}

/** A table all of whose rows count for every partition. */
export interface Whole {
  whole: string;
}

/**
 * Which rows of other tables a builder can be reached by, partition by partition. They have bounds of very different kinds:
 * a radius, the place of the nearest one (which has none), equal keys. A change of any other row leaves the partition as
 * it is. A builder without a bound that is cheap to find reads the whole of the other table.
 */
export async function neighboursOf(
  builder: Builder,
  divided: Divided,
  context: BuildContext,
): Promise<Neighbours | Whole | undefined> {
  if ('derive' in builder) return undefined;
  if ('count-within' in builder) {
    const { of, where, radii } = builder['count-within'];
    return withinRadius(divided, context, { of, where, radiusM: Math.max(...Object.values(radii)) });
  }
  if ('nearest' in builder) return nearestOnes(divided, context, builder.nearest);
  if ('rollup' in builder) return ofGroups(divided, context, builder.rollup);
  if ('fit' in builder) return { whole: builder.fit.on };
  if ('assign' in builder) return { whole: builder.assign.polygons };
  if ('buffer-share' in builder) return { whole: builder['buffer-share'].of };
  // The rows of a series stand in one partition: `partition` is among the columns that make it.
  if ('calendar' in builder || 'window' in builder) return undefined;
  throw new GeorefreshError(
    'GR-1003',
    'a step that makes other rows cannot be made in partitions: it may read any row',
  );
}

async function withinRadius(
  divided: Divided,
  context: BuildContext,
  { of, where, radiusM }: { of: string; where: string | undefined; radiusM: number },
): Promise<Neighbours> {
  const table = await context.read(of, ['lon', 'lat'], where);
  const pairs = async (): Promise<Pairs> => {
    const own = coordinates(await divided.columns(['lon', 'lat']), 'self');
    const { row, group } = await context.kernel(
      'reach',
      {
        ...coordinates(table, of),
        ofLon: own.lon,
        ofLat: own.lat,
        ofTree: await context.tree(own),
        group: divided.group,
        groups: divided.groups,
        radiusM,
      },
      table.rows,
    );
    return { list: group, row };
  };
  return { table, pairs };
}

async function nearestOnes(
  divided: Divided,
  context: BuildContext,
  params: Extract<Builder, { nearest: unknown }>['nearest'],
): Promise<Neighbours> {
  const table = await readNearest(params, context);
  const pairs = async (): Promise<Pairs> => {
    const self = await divided.columns(['lon', 'lat', ...Object.keys(params.within ?? {})]);
    const { index } = await nearestRows(self, table, params, context);
    return distinctPairs(divided, index, table.rows);
  };
  return { table, pairs };
}

async function ofGroups(
  divided: Divided,
  context: BuildContext,
  { of, where, by, on, add }: Extract<Builder, { rollup: unknown }>['rollup'],
): Promise<Neighbours> {
  if (of === undefined || on === undefined)
    throw new GeorefreshError(
      'GR-1003',
      'a rollup of the table itself cannot be made in partitions: groups may cross them',
    );
  const read = Object.values(add).flatMap(({ column }) => (column === undefined ? [] : [column]));
  const table = await context.read(of, [...new Set([...by, ...read])], where);
  return { table, pairs: async () => pairsByKeys(divided, await divided.columns(on), table, { by, on }) };
}

/** Pairs of a partition and the rows of the other table that have a key of one of its own rows. */
function pairsByKeys(
  divided: Divided,
  self: Columns,
  table: Columns,
  { by, on }: { by: readonly string[]; on: readonly string[] },
): Pairs {
  const [own, their] = sharedGroups(
    on.map((name) => columnOf(self, name)),
    by.map((name) => columnOf(table, name)),
    self.rows,
    table.rows,
  );
  // Mostly the rows of a key lie in one partition; further ones go into the map.
  const first = new Map<number, number>();
  const further = new Map<number, Set<number>>();
  for (let i = 0; i < self.rows; i++) {
    if (own[i] < 0) continue;
    const known = first.get(own[i]);
    if (known === undefined) first.set(own[i], divided.group[i]);
    else if (known !== divided.group[i]) {
      const others = further.get(own[i]) ?? new Set();
      further.set(own[i], others.add(divided.group[i]));
    }
  }
  const pairs = { list: [] as number[], row: [] as number[] };
  for (let i = 0; i < table.rows; i++) {
    const list = first.get(their[i]);
    if (list === undefined) continue;
    for (const one of [list, ...(further.get(their[i]) ?? [])]) {
      pairs.list.push(one);
      pairs.row.push(i);
    }
  }
  return { list: Int32Array.from(pairs.list), row: Int32Array.from(pairs.row) };
}

/** Each partition with each row that one of its own points at, once; rows ascending. */
function distinctPairs({ group, groups, rows }: Divided, index: Int32Array, others: number): Pairs {
  const codes: number[] = [];
  for (let i = 0; i < rows; i++) if (index[i] >= 0) codes.push(group[i] * others + index[i]);
  const sorted = Float64Array.from(new Set(codes)).sort();
  if (groups * others > Number.MAX_SAFE_INTEGER) throw new RangeError('more partitions and rows than can be paired');
  return {
    list: Int32Array.from(sorted, (code) => Math.floor(code / others)),
    row: Int32Array.from(sorted, (code) => code % others),
  };
}
