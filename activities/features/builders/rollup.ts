import { type ColumnTable, op, table } from 'arquero';
import type { z } from 'zod';
import type { Aggregate, rollup as schema } from '../../../config/definition/table.js';
import { GeorefreshError } from '../../../config/errors.js';
import type { Column, Columns } from '../../../lake/types.js';
import { columnOf, gather, groupsOf, sharedFloat64, sharedGroups, valuesOf } from './columns.js';
import { type BuildContext, withColumns } from './context.js';

/**
 * Groups a table by its key columns. Rows are added up in the table's order, so sums are the same bytes every time.
 * Groups stand in order of first appearance; a missing key is a group of its own.
 */
export async function rollup(self: Columns, params: z.output<typeof schema>, context: BuildContext): Promise<Columns> {
  const { by, on, add } = params;
  const inputs = Object.values(add).flatMap(({ column }) => (column === undefined ? [] : [column]));
  const of = await context.read(params.of ?? 'self', [...new Set([...by, ...inputs])], params.where);
  const grouped = group(of, by, add);
  if (on === undefined) return grouped;

  const [own, their] = sharedGroups(
    on.map((name) => columnOf(self, name)),
    by.map((name) => columnOf(grouped, name)),
    self.rows,
    grouped.rows,
  );
  // Groups are numbered without gaps but for a dictionary's unused places, so an array takes the place of a map.
  const rowOfGroup = new Int32Array(Math.max(0, ...[own, their].map(largest)) + 1).fill(-1);
  for (let row = 0; row < grouped.rows; row++) if (their[row] >= 0) rowOfGroup[their[row]] = row;
  const index = own.map((key) => (key < 0 ? -1 : rowOfGroup[key]));
  return withColumns(
    self,
    Object.fromEntries(
      Object.keys(add).map((name) => [name, filled(gather(columnOf(grouped, name), index), index, params.fill)]),
    ),
  );
}

const largest = (values: Int32Array): number => values.reduce((most, value) => Math.max(most, value), -1);

/** Names inside the arquero table that no column of a definition can have. */
const GROUP = '\u0000group';
const resultOf = (name: string): string => `\u0000${name}`;

function group(of: Columns, by: string[], add: Record<string, Aggregate>): Columns {
  // Groups are numbered here: arquero joins keys as text, in which different ones may look alike.
  const groups = groupsOf(
    by.map((name) => columnOf(of, name)),
    of.rows,
  );
  const first = firstRows(groups);
  const values: Record<string, ArrayLike<unknown>> = { [GROUP]: groups };
  for (const { column } of Object.values(add))
    if (column !== undefined) values[column] = valuesOf(columnOf(of, column));
  const rolled = table(values)
    .groupby(GROUP)
    .rollup(
      Object.fromEntries(Object.entries(add).flatMap(([name, aggregate]) => expressionsOf(resultOf(name), aggregate))),
    );

  const keys = by.map((name): [string, Column] => [name, gather(columnOf(of, name), first)]);
  const sums = Object.entries(add).map(([name, aggregate]): [string, Column] => {
    const result = sharedFloat64(first.length);
    for (let row = 0; row < rolled.numRows(); row++)
      result[rolled.get(GROUP, row)] = resultAt(rolled, row, resultOf(name), aggregate);
    return [name, { type: typeOf(aggregate, of), values: result }];
  });
  return { rows: first.length, columns: Object.fromEntries([...keys, ...sums]) };
}

/** The first row of each group; groups are numbered in order of first appearance. */
function firstRows(groups: Int32Array): Int32Array {
  const first: number[] = [];
  for (let row = 0; row < groups.length; row++) if (groups[row] === first.length) first.push(row);
  return Int32Array.from(first);
}

function expressionsOf(as: string, { op: verb, column = '' }: Aggregate): [string, string | number | object][] {
  const result: [string, string | number | object] = [as, OPS[verb](column)];
  return verb === 'distinct' ? [result, [`${as}?`, op.invalid(column)]] : [result];
}

function resultAt(rolled: ColumnTable, row: number, name: string, { op: verb }: Aggregate): number {
  const value = (rolled.get(name, row) as number | null | undefined) ?? Number.NaN;
  // Arquero counts missing values as one more; like the other aggregates this one leaves them out.
  return verb === 'distinct' && (rolled.get(`${name}?`, row) as number) > 0 ? value - 1 : value;
}

const OPS = {
  count: () => op.count(),
  sum: (column: string) => op.sum(column),
  mean: (column: string) => op.mean(column),
  min: (column: string) => op.min(column),
  max: (column: string) => op.max(column),
  distinct: (column: string) => op.distinct(column),
} as const;

function typeOf({ op: verb, column }: Aggregate, of: Columns): 'integer' | 'double' | 'timestamp' {
  if (verb === 'count' || verb === 'distinct') return 'integer';
  if (column === undefined) return 'double';
  const { type } = columnOf(of, column);
  // The mean of truths is the share of those that hold.
  if (verb === 'mean' && type !== 'text') return 'double';
  if (type === 'text' || type === 'boolean')
    throw new GeorefreshError('GR-1003', `${verb}(${column}): the column is not of numbers`);
  return type;
}

/** The fill where no group matched; an aggregate of a group without values stays missing. */
function filled(column: Column, index: Int32Array, fill: number | undefined): Column {
  if (fill === undefined || column.type === 'text' || column.type === 'boolean') return column;
  for (let row = 0; row < index.length; row++) if (index[row] < 0) column.values[row] = fill;
  return column;
}
