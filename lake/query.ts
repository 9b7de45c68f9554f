import type { KeptSnapshot } from './kept.js';
import { tableNameOf, tablesOf, withKept } from './kept-tables.js';
import type { Lake } from './lake.js';
import { queryError } from './query-errors.js';
import { type ResultFormat, resultSelect, resultTarget } from './query-result.js';
import { wholeFiles } from './rollback.js';
import type { Held } from './scratch.js';
import type { Session } from './session.js';
import type { SnapshotFile } from './snapshot-files.js';
import { bare, quoteIdent, quoteLiteral } from './sql.js';
import type { CallOptions } from './types.js';

export interface QueryInput {
  lake: Lake;
  pipeline: string;
  /** One statement that reads: SELECT, WITH, FROM, VALUES, DESCRIBE, SUMMARIZE. */
  sql: string;
  /** Which snapshot: see `findKept`. */
  asOf?: string;
  /** At most so many rows; default: all of them. */
  limit?: number;
  format: ResultFormat;
}

/** What a query gave. */
export interface QueryOutcome {
  snapshot: KeptSnapshot;
  columns: { name: string; type: string }[];
  rows: number;
  /** There are more rows than were asked for. */
  cut: boolean;
}

/**
 * Runs a query over the tables of one published snapshot, which are views by the names of their outputs, and hands `take`
 * a file of the scratch folder with the rows. The file goes when `take` is done.
 *
 * Every table that the query reads is held in the scratch folder, its digest checked, before the first row is read: a
 * publication, a rollback or a collection meanwhile changes nothing in what it reads. What a collection takes before that
 * is looked for again: the answer is one whole snapshot, or GR-4010.
 *
 * The SQL is that of a person, run in the DuckDB that is shut into the scratch folder: it reaches no other file, no
 * network and no extension, and only a statement that reads is taken. GR-1007 tells what is wrong with it, and where;
 * GR-4012 that there is no such table, and which there are.
 */
export async function runQuery<T>(
  input: QueryInput,
  take: (outcome: QueryOutcome, path: string) => Promise<T>,
  options: CallOptions = {},
): Promise<T> {
  const { lake, pipeline, asOf } = input;
  const answer = async (snapshot: KeptSnapshot): Promise<T> => {
    const path = lake.scratch.newFile(input.format);
    try {
      const outcome = await lake.duckdb.session((session) => execute(input, snapshot, session, path, options), options);
      return await take(outcome, path);
    } finally {
      await lake.scratch.discard(path);
    }
  };
  return withKept(lake.store, pipeline, asOf, answer, options);
}

async function execute(
  input: QueryInput,
  snapshot: KeptSnapshot,
  session: Session,
  path: string,
  options: CallOptions,
): Promise<QueryOutcome> {
  const { lake, sql, limit, format } = input;
  const files = await wholeFiles(lake.store, snapshot.manifest, options);
  const held: Held[] = [];
  try {
    await attachWhatIsRead(lake, session, sql, files, held, options);
    return { snapshot, ...(await writeResult(session, bare(sql), limit, format, path)) };
  } catch (error) {
    throw queryError(error, sql, tablesOf(snapshot), snapshot.manifest.outputs);
  } finally {
    for (const file of held) file.release();
  }
}

/**
 * Makes views of just those tables that a statement reads, as only DuckDB can tell: each is asked for in turn by the error
 * that it is not there.
 */
async function attachWhatIsRead(
  lake: Lake,
  session: Session,
  sql: string,
  files: Readonly<Record<string, SnapshotFile>>,
  held: Held[],
  options: CallOptions,
): Promise<void> {
  const open = new Map<string, { name: string; file: SnapshotFile }>();
  for (const [published, file] of Object.entries(files)) {
    const name = tableNameOf(published);
    // DuckDB's names of tables are the same in upper and lower case.
    if (name !== undefined) open.set(name.toLowerCase(), { name, file });
  }
  for (;;) {
    const missing = (await session.missingTable(sql))?.toLowerCase() ?? '';
    const found = open.get(missing);
    if (found === undefined) return;
    open.delete(missing);
    const one = await lake.scratch.hold(found.file, options);
    held.push(one);
    await session.attachParquet(found.name, one.path);
  }
}

async function writeResult(
  session: Session,
  sql: string,
  limit: number | undefined,
  format: ResultFormat,
  path: string,
): Promise<Omit<QueryOutcome, 'snapshot'>> {
  await session.assertReads(sql);
  const columns = await session.describe(sql);
  const target = `TO ${quoteLiteral(path)} (${resultTarget(format)})`;
  if (limit === undefined) {
    const rows = await session.run(`COPY (${resultSelect(`(${sql}\n)`, columns, format)}) ${target}`);
    return { columns, rows, cut: false };
  }
  // One row more tells whether there are more.
  const table = quoteIdent(session.temporaryName());
  await session.run(`CREATE TEMP TABLE ${table} AS SELECT * FROM (${sql}\n) LIMIT ${limit + 1}`);
  const some = `(SELECT * FROM ${table} LIMIT ${limit})`;
  const rows = await session.run(`COPY (${resultSelect(some, columns, format)}) ${target}`);
  const { rows: more } = await session.readColumns(`SELECT 1 AS one FROM ${table} OFFSET ${limit}`);
  return { columns, rows, cut: more > 0 };
}
