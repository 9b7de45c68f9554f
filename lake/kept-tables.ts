import { codeOf } from '../config/errors.js';
import { findKept, type KeptSnapshot } from './kept.js';
import type { CallOptions, ObjectStore } from './types.js';

/** How often it is begun anew when an object was collected before it was held. */
const ATTEMPTS = 3;

const TABLE = '.parquet';

/** The name of the table that a published file holds; undefined where it holds none. */
export const tableNameOf = (file: string): string | undefined =>
  file.endsWith(TABLE) ? file.slice(0, -TABLE.length) : undefined;

/** The tables that a snapshot holds, by the names of its outputs. */
export const tablesOf = ({ manifest }: Pick<KeptSnapshot, 'manifest'>): { name: string; rows: number | null }[] =>
  manifest.outputs.flatMap(({ name: file, rows }) => {
    const name = tableNameOf(file);
    return name === undefined ? [] : [{ name, rows }];
  });

/**
 * Does `work` with the snapshot that `asOf` means (see `findKept`). It holds each object before it reads it; where a
 * collection was faster (GR-4004), the snapshot is looked for anew: what comes of it is of one whole snapshot, or GR-4010.
 */
export async function withKept<T>(
  store: ObjectStore,
  pipeline: string,
  asOf: string | undefined,
  work: (snapshot: KeptSnapshot) => Promise<T>,
  options: CallOptions,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const snapshot = await findKept(store, pipeline, asOf, options);
    try {
      return await work(snapshot);
    } catch (error) {
      if (codeOf(error) !== 'GR-4004' || attempt === ATTEMPTS) throw error;
    }
  }
}
