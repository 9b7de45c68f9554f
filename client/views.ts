import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { GeorefreshError } from '../config/errors.js';
import { absent, storeError } from '../lake/durable.js';
import type { CallOptions, ObjectStore } from '../lake/types.js';
import { makeViews } from '../lake/views.js';
import { placeWhole, type QueriedSnapshot, queriedOf, withLake } from './queries.js';

export interface ViewsRequest extends CallOptions {
  pipeline: string;
  /** The DuckDB file; one that is there is replaced. Default: `<pipeline>.duckdb` in the current folder. */
  output?: string;
  /** As of a query. */
  asOf?: string;
  /** Tables with all rows in the file, in the place of views. */
  copy?: boolean;
}

export interface Views extends QueriedSnapshot {
  /** Absolute path. */
  file: string;
  /** Names of the views, or of the tables where the rows were copied. */
  names: string[];
  copied: boolean;
}

/** Writes a DuckDB file of views of one snapshot, whole or not at all. GR-1001 where something else stands in its place. */
export async function writeViews(
  store: ObjectStore,
  settings: Parameters<typeof withLake>[1],
  { pipeline, output = `${pipeline}.duckdb`, asOf, copy, signal }: ViewsRequest,
): Promise<Views> {
  const file = resolve(output);
  await assertReplaceable(file);
  const input = { pipeline, ...(asOf !== undefined && { asOf }), ...(copy !== undefined && { copy }) };
  return withLake(store, settings, (lake) =>
    makeViews(
      { lake, ...input },
      async ({ snapshot, names, copied }, path) => {
        await placeWhole(path, file);
        return { ...queriedOf(snapshot), file, names, copied };
      },
      signal === undefined ? {} : { signal },
    ),
  );
}

/** Behind a checksum of eight bytes, every DuckDB file says that it is one. */
const MARK = 'DUCK';
const MARK_AT = 8;

async function assertReplaceable(file: string): Promise<void> {
  const handle = await open(file, 'r').catch(absent);
  if (handle === undefined) return;
  try {
    const { buffer } = await handle.read(Buffer.alloc(MARK.length), 0, MARK.length, MARK_AT);
    if (buffer.toString('latin1') === MARK) return;
  } catch (error) {
    throw storeError(error, `reading ${file}`);
  } finally {
    await handle.close();
  }
  throw new GeorefreshError('GR-1001', `${file} is there and no DuckDB file; name another with --output`);
}
