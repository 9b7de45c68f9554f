import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { GeorefreshError } from '../config/errors.js';
import type { KeptSnapshot } from './kept.js';
import { tableNameOf, withKept } from './kept-tables.js';
import type { Lake } from './lake.js';
import { wholeFiles } from './rollback.js';
import type { Held } from './scratch.js';
import { quoteIdent, quoteLiteral, sqlError } from './sql.js';
import type { CallOptions } from './types.js';
import { isWhole } from './whole.js';

/** The table that tells what a file of views is of. */
const ABOUT = 'georefresh_snapshot';

export interface ViewsInput {
  lake: Lake;
  pipeline: string;
  /** Which snapshot: see `findKept`. */
  asOf?: string;
  /** Tables with all rows in the file, in the place of views; always so where the store is no folder. */
  copy?: boolean;
}

export interface ViewsMade {
  snapshot: KeptSnapshot;
  names: string[];
  copied: boolean;
}

/**
 * Makes a DuckDB file with the tables of one snapshot by the names of their outputs, and hands it to `take`: views of the
 * snapshot's Parquet files by absolute paths where the store is a folder, else tables with all rows, since views of a
 * bucket would need an extension and keys wherever the file is opened. The table `georefresh_snapshot` says what it is of.
 *
 * Views last as long as their snapshot is kept. GR-4005 where a file is not the one that was published; the rest as of
 * `findKept`.
 */
export async function makeViews<T>(
  { lake, pipeline, asOf, copy = false }: ViewsInput,
  take: (made: ViewsMade, path: string) => Promise<T>,
  options: CallOptions = {},
): Promise<T> {
  const copied = copy || !lake.store.base.startsWith('file:');
  const make = async (snapshot: KeptSnapshot): Promise<T> => {
    const path = lake.scratch.newFile('duckdb');
    const held: Held[] = [];
    try {
      const files = copied ? await heldFiles(lake, snapshot, held, options) : await ownFiles(lake, snapshot, options);
      await writeFile(lake, path, snapshot, files, copied, options);
      return await take({ snapshot, names: [...files.keys()], copied }, path);
    } finally {
      for (const file of held) file.release();
      await lake.scratch.discard(path);
      await lake.scratch.discard(`${path}.wal`);
    }
  };
  return withKept(lake.store, pipeline, asOf, make, options);
}

type Files = Map<string, string>;

/** Local copies, by the names of the tables. */
async function heldFiles(lake: Lake, { manifest }: KeptSnapshot, held: Held[], options: CallOptions): Promise<Files> {
  const files: Files = new Map();
  for (const [published, ref] of Object.entries(await wholeFiles(lake.store, manifest, options))) {
    const name = tableNameOf(published);
    if (name === undefined) continue;
    const file = await lake.scratch.hold(ref, options);
    held.push(file);
    files.set(name, file.path);
  }
  return files;
}

/** The snapshot's own files. */
async function ownFiles(lake: Lake, { manifest }: KeptSnapshot, options: CallOptions): Promise<Files> {
  const files: Files = new Map();
  for (const { name: published, uri, sha256, bytes } of manifest.outputs) {
    const name = tableNameOf(published);
    if (name === undefined) continue;
    if (!(await isWhole(lake, { uri, sha256, bytes }, options)))
      throw new GeorefreshError('GR-4005', `${uri}; --copy takes its rows from the lake`, { where: [{ file: uri }] });
    files.set(name, fileURLToPath(lake.store.uri(uri)));
  }
  return files;
}

/** No statement here is anybody else's, and the file is to name paths outside the scratch folder: so an instance of its own. */
async function writeFile(
  lake: Lake,
  path: string,
  { ref, manifest }: KeptSnapshot,
  files: Files,
  copied: boolean,
  { signal }: CallOptions,
): Promise<void> {
  const { threads, memoryLimit } = lake.duckdb;
  const instance = await DuckDBInstance.create(path, { threads: String(threads), memory_limit: memoryLimit });
  try {
    const connection = await instance.connect();
    for (const [name, file] of files) {
      signal?.throwIfAborted();
      const kind = copied ? 'TABLE' : 'VIEW';
      await connection.run(`CREATE ${kind} ${quoteIdent(name)} AS SELECT * FROM read_parquet(${quoteLiteral(file)})`);
    }
    const about = [manifest.pipeline, String(ref.generation ?? ''), manifest.run, manifest.logicalTime, ref.snapshot];
    const [pipeline, generation, run, time, folder] = about.map(quoteLiteral);
    await connection.run(
      `CREATE TABLE ${ABOUT} AS SELECT ${pipeline} AS pipeline, TRY_CAST(${generation} AS BIGINT) AS generation, ${run} AS run, CAST(${time} AS TIMESTAMPTZ) AS logical_time, ${folder} AS snapshot`,
    );
    await connection.run('CHECKPOINT');
    connection.closeSync();
  } catch (error) {
    throw sqlError(error, 'views', '');
  } finally {
    instance.closeSync();
  }
}
