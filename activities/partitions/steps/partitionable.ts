import type { PartitionColumn } from '../../../config/definition/partition.js';
import { addedBy } from '../../../config/definition/references.js';
import type { Builder, Table } from '../../../config/definition/table.js';
import { GeorefreshError } from '../../../config/errors.js';
import type { Session } from '../../../lake/session.js';
import { bare, quoteLiteral } from '../../../lake/sql.js';
import type { Columns } from '../../../lake/types.js';
import { columnOf, valuesOf } from '../../features/builders/columns.js';
import { Shared } from '../../shared.js';
import { acrossPartitions } from '../one-at-a-time.js';

/**
 * Refuses with GR-1003 what would come out otherwise in partitions than in one piece: a column that is changed rather than
 * added, as who can reach a partition is found by the columns that it begins with; an expression over more than its row;
 * SQL that might look at several partitions at once.
 */
export async function demandPartitionable(
  session: Session,
  { from, key, steps }: Table,
  by: readonly PartitionColumn[],
  columns: readonly string[],
): Promise<void> {
  const refuse: (text: string) => never = (text) => {
    throw new GeorefreshError('GR-1003', `a table in partitions ${text}`);
  };
  const sql = steps.flatMap((builder) => ('sql' in builder ? [builder.sql] : []));
  for (const name of [...by.map(({ column }) => column), ...(sql.length > 0 ? [] : key)])
    if (!columns.includes(name)) refuse(`is divided and named by columns that it begins with; ${from} has no ${name}`);
  for (const text of sql) {
    const across = acrossPartitions(await parsed(session, bare(text)));
    if (across !== undefined) refuse(`looks at one of them at a time; its sql has ${across}`);
  }
  if (sql.length > 0) return demandRowByRow(session, steps, refuse);
  const lower = new Set(columns.map((name) => name.toLowerCase()));
  for (const builder of steps)
    for (const name of addedBy(builder))
      if (lower.has(name.toLowerCase())) refuse(`only gets further columns; ${from} has ${name} already`);
  return demandRowByRow(session, steps, refuse);
}

async function demandRowByRow(
  session: Session,
  steps: readonly Builder[],
  refuse: (text: string) => never,
): Promise<void> {
  const derived = steps.flatMap((builder) => ('derive' in builder ? Object.entries(builder.derive) : []));
  if (derived.length === 0) return;
  const many = await functions.get('of many rows', () => functionsOfManyRows(session));
  for (const [name, expression] of derived) {
    const found = await overRows(session, expression, many);
    if (found !== undefined) refuse(`derives each row by itself; ${name} has ${found}`);
  }
}

/** The engine is one in the whole process, and so are its functions. */
const functions = new Shared<Set<string>>(1, () => 1);

/** Names of aggregates, and of macros that lead to one. */
async function functionsOfManyRows(session: Session): Promise<Set<string>> {
  const read = await session.readColumns(
    `select distinct function_name as name, coalesce(macro_definition, '') as text from duckdb_functions()
     where function_type in ('aggregate', 'macro') order by all`,
  );
  const [names, texts] = [valuesAt(read, 'name'), valuesAt(read, 'text')];
  const many = new Set(names.filter((_, i) => texts[i] === ''));
  // A macro may call another one: until nothing is added.
  for (let before = 0; before < many.size; ) {
    before = many.size;
    for (const [i, text] of texts.entries())
      if ([...text.matchAll(/\b(\w+)\s*\(/g)].some(([, called]) => many.has(called ?? ''))) many.add(names[i] ?? '');
  }
  return many;
}

/** What of an expression looks at other rows than its own, in words. */
async function overRows(session: Session, expression: string, many: ReadonlySet<string>): Promise<string | undefined> {
  let found: string | undefined;
  JSON.parse(
    await treeOf(session, `select (${expression}\n)`),
    (_, node: { class?: string; function_name?: string } | null) => {
      if (node?.class === 'WINDOW') found = 'a window function';
      else if (node?.class === 'SUBQUERY') found = 'a subquery';
      else if (node?.class === 'FUNCTION' && many.has(node.function_name?.toLowerCase() ?? ''))
        found = `the aggregate ${node.function_name}`;
      return node;
    },
  );
  return found;
}

/** The engine's syntax tree of a SELECT, as JSON; GR-1003 where it is none. */
async function treeOf(session: Session, select: string): Promise<string> {
  const read = await session.readColumns(`select json_serialize_sql(${quoteLiteral(select)})::varchar as tree`);
  return valuesAt(read, 'tree')[0] ?? '';
}

async function parsed(session: Session, select: string): Promise<unknown> {
  const tree = JSON.parse(await treeOf(session, select)) as { error?: boolean; error_message?: string };
  if (tree.error === true) throw new GeorefreshError('GR-1003', `sql that is no select: ${tree.error_message ?? ''}`);
  return tree;
}

const valuesAt = (table: Columns, name: string): string[] => Array.from(valuesOf(columnOf(table, name)) as string[]);
