import { GeorefreshError } from '../config/errors.js';
import { numberAt, type RowDiff, readRows } from './diff-rows.js';
import {
  type Comparison,
  counts,
  isNumber,
  joined,
  repeatedKeys,
  type SharedColumn,
  type Side,
  type Told,
} from './diff-sql.js';
import type { Lake } from './lake.js';
import type { Session } from './session.js';
import { quoteIdent, quoteLiteral } from './sql.js';
import type { Artifact, CallOptions } from './types.js';

export interface TableDiff {
  key: string[];
  /** Whether rows are in an order that means something: they have ranks, and moves are counted. */
  ranked: boolean;
  /** The column that is told as score. */
  score: string | null;
  /** Columns of one table only, and those whose type is another one. */
  columns: { added: string[]; gone: string[]; retyped: { column: string; before: string; after: string }[] };
  /** `changed` rows differ in a column other than the key; `moved` ones stand elsewhere (0 where it is not ranked). */
  rows: { before: number; after: number; added: number; gone: number; changed: number; moved: number };
  /** In how many rows each column differs, where it does. */
  changed: { column: string; rows: number }[];
  added: RowDiff[];
  gone: RowDiff[];
  /** Rows of both tables that differ, those first that moved farthest, or whose score changed most. */
  differing: RowDiff[];
}

export interface TableDiffOptions extends CallOptions {
  /** Columns that together name a row. */
  key: readonly string[];
  /** The column that the table's declared order begins with, where that is not its key; rows are ranked if it is a number. */
  orderedBy?: string;
  /** A column to tell as score, if it is a number of both tables. */
  score?: string;
  /** So many added, gone and differing rows each are told one by one. */
  top: number;
  /** Only rows that stood among the first so many, before or after, are told one by one. */
  within?: number;
}

/**
 * How two published tables differ, row by row along a key. A row's rank is its place in the file, which was written in
 * the table's declared order. Memory is bounded by DuckDB's limit, beyond which it spills, and by `top`.
 *
 * GR-1001 where a table lacks a column of the key, GR-2105 where the key does not name one row, GR-4004 and GR-4005 where
 * an object is gone or was altered.
 */
export async function diffTables(
  lake: Pick<Lake, 'scratch' | 'duckdb'>,
  tables: Record<Side, Artifact>,
  options: TableDiffOptions,
): Promise<TableDiff> {
  const sides = [lake.scratch.hold(tables.before, options), lake.scratch.hold(tables.after, options)] as const;
  const held = await Promise.allSettled(sides);
  try {
    const [before, after] = await Promise.all(sides);
    return await lake.duckdb.session(
      async (session) => {
        await attach(session, 'before', before.path, options);
        await attach(session, 'after', after.path, options);
        return compare(session, tables, options);
      },
      { ...(options.signal && { signal: options.signal }), step: `comparing ${tables.after.uri}` },
    );
  } finally {
    for (const side of held) if (side.status === 'fulfilled') side.value.release();
  }
}

/** CSV keeps its cells as texts, as `01` is no 1, but for the columns that rank. */
async function attach(
  session: Session,
  side: Side,
  path: string,
  { orderedBy, score }: TableDiffOptions,
): Promise<void> {
  let select = `SELECT * FROM read_parquet(${quoteLiteral(path)})`;
  if (path.endsWith('.csv')) {
    const cells = `read_csv(${quoteLiteral(path)}, header = true, all_varchar = true, delim = ',', quote = '"', escape = '"')`;
    const names = (await session.describe(`SELECT * FROM ${cells}`)).map(({ name }) => name);
    const numbers = [...new Set([orderedBy, score])].flatMap((name) =>
      name !== undefined && names.includes(name)
        ? [`TRY_CAST(${quoteIdent(name)} AS DOUBLE) AS ${quoteIdent(name)}`]
        : [],
    );
    select = `SELECT *${numbers.length === 0 ? '' : ` REPLACE (${numbers.join(', ')})`} FROM ${cells}`;
  }
  await session.run(`CREATE TEMP VIEW ${side} AS ${select}`);
}

async function compare(
  session: Session,
  tables: Record<Side, Artifact>,
  options: TableDiffOptions,
): Promise<TableDiff> {
  const before = await session.describe('SELECT * FROM before');
  const after = await session.describe('SELECT * FROM after');
  const types = new Map(before.map(({ name, type }) => [name, type]));
  const shared = after.flatMap(({ name, type }): SharedColumn[] => {
    const earlier = types.get(name);
    return earlier === undefined ? [] : [{ name, before: earlier, after: type }];
  });
  const names = new Set(shared.map(({ name }) => name));
  const numeric = (name: string | undefined): SharedColumn | undefined =>
    shared.find((column) => column.name === name && isNumber(column.before) && isNumber(column.after));
  const score = options.key.includes(options.score ?? '') ? undefined : numeric(options.score);
  const key = options.key.map((name) => keyColumn(name, shared, tables));
  const comparison: Comparison = {
    key,
    compared: shared.filter(({ name }) => !options.key.includes(name)),
    score,
    ranked: numeric(options.orderedBy) !== undefined,
  };
  await demandUnique(session, key, tables);

  const pairs = session.temporaryName();
  await session.run(`CREATE TEMP TABLE ${pairs} AS ${joined(comparison)}`);
  const counted = await session.readColumns(counts(pairs, comparison));
  const tell = (told: Told): Promise<RowDiff[]> =>
    readRows(session, pairs, told, { before, after }, comparison, options);
  const count = (name: string): number => numberAt(counted, name, 0) ?? 0;
  return {
    key: [...options.key],
    ranked: comparison.ranked,
    score: score?.name ?? null,
    columns: {
      added: after.flatMap(({ name }) => (names.has(name) ? [] : [name])),
      gone: before.flatMap(({ name }) => (names.has(name) ? [] : [name])),
      retyped: shared.flatMap(({ name, before: from, after: to }) =>
        from === to ? [] : [{ column: name, before: from, after: to }],
      ),
    },
    rows: {
      ...{ before: count('before'), after: count('after'), added: count('added'), gone: count('gone') },
      ...{ changed: count('changed'), moved: comparison.ranked ? count('moved') : 0 },
    },
    changed: comparison.compared.flatMap(({ name }, c) =>
      count(`n${c}`) > 0 ? [{ column: name, rows: count(`n${c}`) }] : [],
    ),
    added: await tell('added'),
    gone: await tell('gone'),
    differing: await tell('differing'),
  };
}

function keyColumn(name: string, shared: readonly SharedColumn[], tables: Record<Side, Artifact>): SharedColumn {
  const column = shared.find((one) => one.name === name);
  if (column !== undefined) return column;
  throw new GeorefreshError(
    'GR-1001',
    `${name} is no column of both ${tables.before.uri} and ${tables.after.uri}; these are: ${shared.map((one) => one.name).join(', ')}`,
  );
}

/** No value of the key is told: it may be a personal one. */
async function demandUnique(
  session: Session,
  key: readonly SharedColumn[],
  tables: Record<Side, Artifact>,
): Promise<void> {
  for (const side of ['before', 'after'] as const) {
    const repeated = numberAt(await session.readColumns(repeatedKeys(side, key)), 'n', 0) ?? 0;
    if (repeated > 0)
      throw new GeorefreshError(
        'GR-2105',
        `${key.map(({ name }) => name).join(', ')} of ${tables[side].uri}: ${repeated} values name more than one row`,
      );
  }
}
