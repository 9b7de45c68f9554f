import { mkdir, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DuckDb } from './duckdb.js';
import { openStore, type StorageOptions } from './open-store.js';
import { Scratch } from './scratch.js';
import type { ObjectStore } from './types.js';

export interface LakeOptions {
  /** The home: the folder store's root (`lake/…`, `outputs/…`), and the place of the scratch folder. */
  home: string;
  /** A store elsewhere than in the home folder: its URI or a folder's path. */
  storeUri?: string;
  /** How it is reached, where it is a service. */
  storage?: StorageOptions;
  /** A store that is open already, in place of `storeUri`. */
  store?: ObjectStore;
  /** Bound on the local copies of objects, in bytes. */
  scratchBytes: number;
  /** DuckDB's bound on its memory, for example `512MB`. */
  memoryLimit: string;
  threads: number;
}

/** All that steps need of the place where data lies. One a process. */
export interface Lake {
  readonly store: ObjectStore;
  readonly scratch: Scratch;
  readonly duckdb: DuckDb;
  close(): Promise<void>;
}

export async function openLake(options: LakeOptions): Promise<Lake> {
  const home = resolve(options.home);
  const store = options.store ?? (await openStore(options.storeUri ?? home, options.storage));
  await mkdir(home, { recursive: true });
  // DuckDB compares real paths with the folder it is let into.
  const scratch = await Scratch.open({
    store,
    root: join(await realpath(home), 'scratch'),
    bytes: options.scratchBytes,
  });
  try {
    const duckdb = await DuckDb.open({
      scratch: scratch.dir,
      memoryLimit: options.memoryLimit,
      threads: options.threads,
    });
    return {
      store,
      scratch,
      duckdb,
      async close() {
        duckdb.close();
        await scratch.close();
        if (options.store === undefined) store.close?.();
      },
    };
  } catch (error) {
    await scratch.close();
    throw error;
  }
}
