import { op, table } from 'arquero';
import type { z } from 'zod';
import type { Aggregate, rollup as schema } from '../../../config/definition/table.js';
import type { Column, Columns } from '../../../lake/types.js';
import { columnOf, gather, sharedFloat64, sharedGroups, valuesOf } from './columns.js';
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
  const rowOfGroup = new Map<number, number>();
  for (let row = 0; row < grouped.rows; row++) if (their[row] >= 0) rowOfGroup.set(their[row], row);
  const index = own.map((key) => rowOfGroup.get(key) ?? -1);
  return withColumns(
    self,
    Object.fromEntries(
      Object.keys(add).map((name) => [name, filled(gather(columnOf(grouped, name), index), params.fill)]),
    ),
  );
}

function group(of: Columns, by: string[], add: Record<string, Aggregate>): Columns {
  const firstRow = '\u0000first';
  const values: Record<string, ArrayLike<unknown>> = {
    [firstRow]: Int32Array.from({ length: of.rows }, (_, row) => row),
  };
  for (const [name, column] of Object.entries(of.columns)) values[name] = valuesOf(column);
  const rolled = table(values)
    .groupby(...by)
    .rollup({
      [firstRow]: op.min(firstRow),
      ...Object.fromEntries(
        Object.entries(add).map(([name, { op: verb, column }]) => [`\u0000${name}`, OPS[verb](column ?? '')]),
      ),
    })
    .orderby(firstRow)
    .reify();

  const rows = rolled.numRows();
  const first = Int32Array.from({ length: rows }, (_, row) => rolled.get(firstRow, row) as number);
  const keys = by.map((name): [string, Column] => [name, gather(columnOf(of, name), first)]);
  const sums = Object.entries(add).map(([name, aggregate]): [string, Column] => {
    const result = sharedFloat64(rows);
    for (let row = 0; row < rows; row++)
      result[row] = (rolled.get(`\u0000${name}`, row) as number | null | undefined) ?? Number.NaN;
    return [name, { type: typeOf(aggregate, of), values: result }];
  });
  return { rows, columns: Object.fromEntries([...keys, ...sums]) };
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
  if (verb === 'mean' || column === undefined) return 'double';
  const { type } = columnOf(of, column);
  if (type === 'text' || type === 'boolean') throw new TypeError(`${verb}(${column}): the column is not of numbers`);
  return type;
}

function filled(column: Column, fill: number | undefined): Column {
  if (fill === undefined || column.type === 'text' || column.type === 'boolean') return column;
  for (let row = 0; row < column.values.length; row++) if (Number.isNaN(column.values[row])) column.values[row] = fill;
  return column;
}
