import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type DuckDBConnection,
  type DuckDBPreparedStatement,
  type DuckDBResult,
  StatementType,
} from '@duckdb/node-api';
import { GeorefreshError } from '../config/errors.js';
import { appendColumns, duckdbTypeOf } from './column-writer.js';
import { readResult } from './columns.js';
import type { SessionOptions } from './duckdb.js';
import { bindParameter, type Parameters } from './parameters.js';
import { missingTableOf } from './query-errors.js';
import type { ShownColumns } from './shown-columns.js';
import { bare, orderClause, quoteIdent, quoteLiteral, type SortOrder, sqlError } from './sql.js';
import type { Columns } from './types.js';

/** How often an interrupt is repeated: DuckDB forgets one that comes just before a statement begins. */
const INTERRUPT_MS = 50;

/**
 * Rows of a Parquet row group. Fixed, as bytes depend on it; 60 vectors, DuckDB's own default, which scans in parallel
 * from about 250,000 rows on.
 */
const ROW_GROUP = 122_880;

const PARQUET = `FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, ROW_GROUP_SIZE ${ROW_GROUP}, DICTIONARY_SIZE_LIMIT 4096`;

/** Rows that are read back by the same session soon: snappy takes a third of zstd's time, and half of no compression's bytes. */
const KEPT = 'FORMAT parquet, PARQUET_VERSION v2, COMPRESSION snappy, DICTIONARY_SIZE_LIMIT 4096';

export interface WriteOptions {
  /** The declared sort order; the other columns break ties, so that the same rows give the same bytes. */
  orderBy: SortOrder;
  /** The declared columns are a key: no two rows are equal in all of them. */
  keyed?: boolean;
  /** The rows come in this order, in whole vectors, as shown columns do: they are written as they come. */
  sorted?: boolean;
  /** Where to: a path in the scratch folder. */
  path: string;
  parameters?: Parameters;
}

/** A DuckDB connection as steps see it. Every failure is of the registry (see `sqlError`) and names the step. */
export class Session {
  readonly #connection: DuckDBConnection;
  readonly #signal: AbortSignal | undefined;
  readonly #step: string | undefined;
  readonly #folder: string;
  readonly #shown: ShownColumns;
  /** Views of columns in memory, and what each goes by. */
  readonly #views = new Map<string, string>();
  /** Files of rows that are kept for this session alone. */
  readonly #kept: string[] = [];
  #named = 0;
  /** The statement under way. A connection has one at a time: the next would end the stream of its rows in their midst. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(connection: DuckDBConnection, folder: string, shown: ShownColumns, { signal, step }: SessionOptions) {
    this.#connection = connection;
    this.#folder = folder;
    this.#shown = shown;
    this.#signal = signal;
    this.#step = step;
  }

  /** Runs one or more statements, each bound to the parameters that it uses. Answers the rows changed by the last. */
  async run(sql: string, parameters: Parameters = {}): Promise<number> {
    return this.#guarded(sql, async () => (await this.#execute(sql, parameters, false)).rowsChanged);
  }

  /** The last statement's rows as columns in memory. */
  async readColumns(sql: string, parameters: Parameters = {}): Promise<Columns> {
    return this.#guarded(sql, async () => readResult(await this.#execute(sql, parameters, true), this.#signal));
  }

  /** Names of the columns that a SELECT gives, and DuckDB's names of their types; nothing is computed. */
  async describe(sql: string, parameters: Parameters = {}): Promise<{ name: string; type: string }[]> {
    // Asked of a statement that is bound: a prepared one knows no columns while a parameter's type is open.
    const { columns } = await this.readColumns(`DESCRIBE SELECT * FROM (${bare(sql)}\n)`, parameters);
    const { column_name: names, column_type: types } = columns;
    if (names?.type !== 'text' || types?.type !== 'text') throw new TypeError('DESCRIBE gives names and types as text');
    return Array.from(names.codes, (code, at) => ({
      name: names.dictionary[code] as string,
      type: types.dictionary[types.codes[at] as number] as string,
    }));
  }

  /** The first table that a text's statement reads and that is not there; undefined also where something else is wrong. */
  async missingTable(sql: string): Promise<string | undefined> {
    try {
      (await (await this.#connection.extractStatements(sql)).prepare(0)).destroySync();
      return undefined;
    } catch (error) {
      return missingTableOf(error);
    }
  }

  /** Refuses what is not one statement that reads, or that waits for parameters: GR-1007. Other faults are as of `run`. */
  async assertReads(sql: string): Promise<void> {
    await this.#guarded(sql, async () => {
      if (sql.trim() === '') throw new GeorefreshError('GR-1007', 'it is empty');
      const statements = await this.#connection.extractStatements(sql);
      if (statements.count !== 1) throw new GeorefreshError('GR-1007', 'expected one statement that reads');
      const prepared = await statements.prepare(0);
      const { statementType, parameterCount } = prepared;
      prepared.destroySync();
      if (statementType !== StatementType.SELECT)
        throw new GeorefreshError('GR-1007', 'only statements that read are taken: SELECT, WITH, FROM, DESCRIBE');
      if (parameterCount > 0) throw new GeorefreshError('GR-1007', 'a query has no parameters to put in for `$…`');
    });
  }

  /** Makes a temporary table of columns in memory: DOUBLE, BIGINT, TIMESTAMP, BOOLEAN, VARCHAR. */
  async createTable(name: string, table: Columns): Promise<void> {
    const columns = Object.entries(table.columns).map(
      ([column, values]) => `${quoteIdent(column)} ${duckdbTypeOf(values)}`,
    );
    const sql = `CREATE TEMP TABLE ${quoteIdent(name)} (${columns.join(', ')})`;
    await this.#guarded(sql, async () => {
      await this.#connection.run(sql);
      const appender = await this.#connection.createAppender(name, 'main', 'temp');
      try {
        await appendColumns(appender, table, this.#signal);
      } finally {
        appender.closeSync();
      }
    });
  }

  /** Makes a view of columns in memory, which are read where they lie; types are as of `createTable`. */
  async showColumns(view: string, table: Columns): Promise<void> {
    const { name, relation } = this.#shown.show(table);
    this.#views.set(view, name);
    await this.run(`CREATE TEMP VIEW ${quoteIdent(view)} AS SELECT * FROM ${relation}`);
  }

  /** Drops such a view. */
  async hideColumns(view: string): Promise<void> {
    await this.run(`DROP VIEW IF EXISTS ${quoteIdent(view)}`);
    this.#shown.hide(this.#views.get(view) ?? '');
    this.#views.delete(view);
  }

  /**
   * Keeps a SELECT's rows in a file of this session, in the order in which they come, and makes a view of them; with
   * their number from 1 on as `place`, where one is given. A table would do, but for many rows: it fills the engine's
   * memory, and what comes next spills. Threads part the file as they please, so its bytes are not for others to see.
   */
  async keepRows(view: string, select: string, place?: string): Promise<void> {
    const path = join(this.#folder, `${randomUUID()}.parquet`);
    this.#kept.push(path);
    const names = (await this.describe(select)).map(({ name }) => quoteIdent(name));
    // Under names that none of the reader's own columns has.
    const inFile = names.map((_, at) => `c${at}`);
    await this.run(
      `COPY (SELECT * FROM (${bare(select)}\n) AS t(${inFile.join(', ')})) TO ${quoteLiteral(path)} (${KEPT})`,
    );
    const columns = names.map((name, at) => `${inFile[at]} AS ${name}`);
    if (place !== undefined) columns.unshift(`file_row_number + 1 AS ${quoteIdent(place)}`);
    await this.run(
      `CREATE OR REPLACE TEMP VIEW ${quoteIdent(view)} AS SELECT ${columns.join(', ')}
       FROM read_parquet(${quoteLiteral(path)}, file_row_number = true)`,
    );
  }

  /** Removes what was kept and shown; the session is over. */
  async end(): Promise<void> {
    this.#connection.closeSync();
    for (const name of this.#views.values()) this.#shown.hide(name);
    for (const path of this.#kept) await rm(path, { force: true });
  }

  /** A name for a table or view that nothing else in this session has. */
  temporaryName(): string {
    return `georefresh_${this.#named++}`;
  }

  /** Makes a view of Parquet files in the scratch folder, whose columns are found by name. */
  async attachParquet(name: string, paths: string | readonly string[]): Promise<void> {
    const list = (typeof paths === 'string' ? [paths] : paths).map(quoteLiteral).join(', ');
    await this.run(
      `CREATE TEMP VIEW ${quoteIdent(name)} AS SELECT * FROM read_parquet([${list}], union_by_name = true)`,
    );
  }

  /**
   * Writes a SELECT's rows in their declared order as Parquet; the bytes are the same for any number of threads.
   * zstd, as it takes the time of snappy with two threads and gives files 7 % smaller or better. The encodings of
   * Parquet's second version (differences of integers, split bytes of doubles), and no dictionary of more values than
   * repeat: together half the CPU time, at no greater size.
   */
  async writeParquet(select: string, options: WriteOptions): Promise<{ rows: number; columns: string[] }> {
    return this.#copy(select, options, PARQUET);
  }

  /** Writes a SELECT's rows in their declared order as CSV: UTF-8, LF, a header, missing values empty. */
  async writeCsv(select: string, options: WriteOptions): Promise<{ rows: number; columns: string[] }> {
    return this.#copy(select, options, "FORMAT csv, HEADER true, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR ''");
  }

  async #copy(
    select: string,
    { orderBy, keyed = false, sorted = false, path, parameters = {} }: WriteOptions,
    format: string,
  ): Promise<{ rows: number; columns: string[] }> {
    const columns = (await this.describe(select, parameters)).map(({ name }) => name);
    const order = sorted ? '' : orderClause(orderBy, columns, keyed);
    const sql = `COPY (SELECT * FROM (${bare(select)}\n)${order}) TO ${quoteLiteral(path)} (${format})`;
    return { rows: await this.run(sql, parameters), columns };
  }

  /** All statements of a text in turn; the last one's result, streamed if wanted. */
  async #execute(sql: string, parameters: Parameters, stream: boolean): Promise<DuckDBResult> {
    const statements = await this.#connection.extractStatements(sql);
    for (let at = 0; ; at++) {
      this.#signal?.throwIfAborted();
      const prepared = await statements.prepare(at);
      try {
        bindAll(prepared, parameters);
        if (at < statements.count - 1) await prepared.run();
        else return stream ? await prepared.stream() : await prepared.run();
      } finally {
        prepared.destroySync();
      }
    }
  }

  /** Runs one statement after the other, in the order in which they were asked for. */
  #guarded<T>(sql: string, work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => this.#interruptible(sql, work));
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #interruptible<T>(sql: string, work: () => Promise<T>): Promise<T> {
    const signal = this.#signal;
    signal?.throwIfAborted();
    let again: NodeJS.Timeout | undefined;
    const interrupt = (): void => {
      this.#connection.interrupt();
      again ??= setInterval(() => this.#connection.interrupt(), INTERRUPT_MS);
    };
    signal?.addEventListener('abort', interrupt, { once: true });
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      const faults = Array.from(this.#views.values(), (name) => this.#shown.faultOf(name));
      throw faults.find((fault) => fault !== undefined) ?? sqlError(error, this.#step, sql);
    } finally {
      signal?.removeEventListener('abort', interrupt);
      clearInterval(again);
    }
  }
}

function bindAll(prepared: DuckDBPreparedStatement, parameters: Parameters): void {
  for (let at = 1; at <= prepared.parameterCount; at++) bindParameter(prepared, at, parameters);
}
