import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { storeError } from './durable.js';
import { Session } from './session.js';
import { ShownColumns } from './shown-columns.js';
import { quoteLiteral, sqlError } from './sql.js';
import type { CallOptions } from './types.js';

export interface DuckDbOptions {
  /** The only folder that statements may read and write; spilled data goes below it. */
  scratch: string;
  /** DuckDB's bound on its memory, for example `512MB`; beyond it tables are spilled. */
  memoryLimit: string;
  threads: number;
}

export interface SessionOptions extends CallOptions {
  /** The step that the statements belong to, for error messages. */
  step?: string;
}

/**
 * The process's DuckDB: in memory, shut into the scratch folder, its configuration locked, so that SQL of a pipeline
 * reaches no other file, no network and no extension.
 */
export class DuckDb {
  readonly threads: number;
  readonly memoryLimit: string;
  readonly #instance: DuckDBInstance;
  readonly #spill: string;
  readonly #shown: ShownColumns;

  private constructor(
    instance: DuckDBInstance,
    shown: ShownColumns,
    spill: string,
    { threads, memoryLimit }: Pick<DuckDbOptions, 'threads' | 'memoryLimit'>,
  ) {
    this.#instance = instance;
    this.#shown = shown;
    this.#spill = spill;
    this.threads = threads;
    this.memoryLimit = memoryLimit;
  }

  static async open({ scratch, memoryLimit, threads }: DuckDbOptions): Promise<DuckDb> {
    const spill = join(scratch, 'spill');
    try {
      await mkdir(spill, { recursive: true });
      const instance = await DuckDBInstance.create(':memory:', {
        threads: String(threads),
        memory_limit: memoryLimit,
        temp_directory: spill,
        autoinstall_known_extensions: 'false',
        autoload_known_extensions: 'false',
      });
      const connection = await instance.connect();
      const shown = new ShownColumns(connection);
      await lockDown(connection, scratch);
      connection.closeSync();
      return new DuckDb(instance, shown, spill, { threads, memoryLimit });
    } catch (error) {
      throw storeError(sqlError(error, 'opening DuckDB', ''), `opening ${spill}`);
    }
  }

  /**
   * Runs `work` with a connection of its own: its temporary tables and views are seen by no other and go with it.
   * Aborting the signal interrupts the statement that runs, and rejects with the signal's reason.
   */
  async session<T>(work: (session: Session) => Promise<T>, options: SessionOptions = {}): Promise<T> {
    options.signal?.throwIfAborted();
    const connection = await this.#instance.connect();
    const session = new Session(connection, this.#spill, this.#shown, options);
    try {
      return await work(session);
    } finally {
      await session.end();
    }
  }

  close(): void {
    this.#instance.closeSync();
  }
}

/** In this order: after the last line nothing can be set any more. */
async function lockDown(connection: DuckDBConnection, scratch: string): Promise<void> {
  // Dates without a zone, and casts to text, must not depend on the machine's.
  await connection.run("SET GLOBAL TimeZone = 'UTC'");
  await connection.run(`SET GLOBAL allowed_directories = [${quoteLiteral(scratch)}]`);
  await connection.run('SET GLOBAL enable_external_access = false');
  await connection.run('SET GLOBAL lock_configuration = true');
}
