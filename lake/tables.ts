import { putArtifact } from './artifacts.js';
import type { Lake } from './lake.js';
import type { Parameters } from './parameters.js';
import type { Session } from './session.js';
import { isSorted } from './sorted.js';
import type { SortOrder } from './sql.js';
import { quoteIdent } from './sql.js';
import type { Artifact, CallOptions, Columns, TableRef } from './types.js';

/** Where a table comes from: a SELECT over what the session sees, or columns in memory. */
export type TableSource = { select: string; parameters?: Parameters } | { columns: Columns };

export interface PutTableOptions extends CallOptions {
  /** Key prefix, for example `lake/ev-sites/features`. */
  prefix: string;
  /** The declared sort order. Columns that are not named break ties, in their order in the table. */
  orderBy: SortOrder;
  /** The declared columns are a key: no two rows are equal in all of them. */
  keyed?: boolean;
}

/** Writes rows as a content-addressed Parquet table; the same rows give the same reference. */
export async function putTable(
  lake: Lake,
  session: Session,
  source: TableSource,
  options: PutTableOptions,
): Promise<TableRef> {
  const path = lake.scratch.newFile('parquet');
  try {
    const { rows, columns } = await writeSource(session, source, options, path);
    const ref = await putArtifact(lake.store, options.prefix, { path, link: true }, 'parquet', options);
    await lake.scratch.adopt(path, ref);
    return { ...ref, rows, columns };
  } finally {
    await lake.scratch.discard(path);
  }
}

/** Writes rows as Parquet to a path in the scratch folder. */
export async function writeSource(
  session: Session,
  source: TableSource,
  { orderBy, keyed = false }: Pick<PutTableOptions, 'orderBy' | 'keyed'>,
  path: string,
): Promise<{ rows: number; columns: string[] }> {
  if ('select' in source) {
    return session.writeParquet(source.select, {
      orderBy,
      keyed,
      path,
      ...(source.parameters ? { parameters: source.parameters } : {}),
    });
  }
  const view = session.temporaryName();
  await session.showColumns(view, source.columns);
  try {
    const sorted = isSorted(source.columns, orderBy);
    return await session.writeParquet(`SELECT * FROM ${quoteIdent(view)}`, { orderBy, keyed, sorted, path });
  } finally {
    await session.hideColumns(view);
  }
}

/** Columns in memory as a table, in a session of their own. */
export async function putColumns(lake: Lake, columns: Columns, options: PutTableOptions): Promise<TableRef> {
  return lake.duckdb.session((session) => putTable(lake, session, { columns }, options), options);
}

/** A table's columns in memory, all of them or those named, its digest checked. */
export async function readTable(
  lake: Lake,
  ref: Artifact,
  columns?: readonly string[],
  options: CallOptions = {},
): Promise<Columns> {
  const select = `SELECT ${columns?.map(quoteIdent).join(', ') ?? '*'} FROM "table"`;
  return sessionWith(lake, { table: ref }, (session) => session.readColumns(select), options);
}

/** A session of its own in which tables are views, as `withTables` makes them; `step` names it in what is told of it. */
export const sessionWith = <T>(
  lake: Lake,
  tables: Readonly<Record<string, Artifact | readonly Artifact[]>>,
  work: (session: Session) => Promise<T>,
  options: CallOptions & { step?: string } = {},
): Promise<T> =>
  lake.duckdb.session((session) => withTables(lake, session, tables, () => work(session), options), options);

/**
 * Runs `work` while tables are views of the session, each by its name here. A list of tables (the partitions of one)
 * becomes one view. Digests are checked first: GR-4005 names a table whose bytes are not those it was written with.
 */
export async function withTables<T>(
  lake: Lake,
  session: Session,
  tables: Readonly<Record<string, Artifact | readonly Artifact[]>>,
  work: () => Promise<T>,
  options: CallOptions = {},
): Promise<T> {
  const held: { release(): void }[] = [];
  const names: string[] = [];
  try {
    for (const [name, refs] of Object.entries(tables)) {
      const paths: string[] = [];
      for (const ref of Array.isArray(refs) ? (refs as readonly Artifact[]) : [refs as Artifact]) {
        const file = await lake.scratch.hold(ref, options);
        held.push(file);
        paths.push(file.path);
      }
      await session.attachParquet(name, paths);
      names.push(name);
    }
    return await work();
  } finally {
    for (const name of names) await session.run(`DROP VIEW IF EXISTS ${quoteIdent(name)}`).catch(() => undefined);
    for (const file of held) file.release();
  }
}

/** Writes a SELECT's rows as a CSV artifact, for people. */
export async function putCsv(
  lake: Lake,
  session: Session,
  select: string,
  options: PutTableOptions & { parameters?: Parameters },
): Promise<TableRef> {
  const path = lake.scratch.newFile('csv');
  try {
    const parameters = options.parameters ? { parameters: options.parameters } : {};
    const written = await session.writeCsv(select, { orderBy: options.orderBy, path, ...parameters });
    const ref = await putArtifact(lake.store, options.prefix, { path, link: true }, 'csv', options);
    return { ...ref, ...written };
  } finally {
    await lake.scratch.discard(path);
  }
}
