import { copyFile, readFile, rename, rm, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ReadonlyDeep, Settings } from '../config/settings.js';
import { storeError } from '../lake/durable.js';
import { findKept, type KeptSnapshot } from '../lake/kept.js';
import { tablesOf } from '../lake/kept-tables.js';
import { type Lake, openLake } from '../lake/lake.js';
import { type QueryOutcome, runQuery } from '../lake/query.js';
import type { ResultFormat } from '../lake/query-result.js';
import type { CallOptions, ObjectStore } from '../lake/types.js';

type LakeSettings = ReadonlyDeep<Pick<Settings, 'home' | 'scratch' | 'compute'>>;

export interface QueryRequest extends CallOptions {
  /**
   * `current`, `previous`, a generation, a snapshot's folder, or a time: the newest snapshot that stood for it or for a time
   * before; a day stands for all of it. Default: `current`.
   */
  asOf?: string;
  /** At most so many rows. Default 1000; `Infinity`: all. */
  limit?: number;
}

/** The snapshot that was read. */
export interface QueriedSnapshot {
  pipeline: string;
  /** Null where it was made by a backfill, for a time before what was current. */
  generation: number | null;
  run: string;
  /** What its content stands for, ISO 8601. */
  logicalTime: string;
  /** Its folder, relative to the store. */
  snapshot: string;
  sample: boolean;
}

export interface QueryResult extends QueriedSnapshot {
  columns: { name: string; type: string }[];
  /** Times as ISO 8601, integers beyond 2^53 as texts, NaN and infinity as null. */
  rows: Record<string, unknown>[];
  /** There are more rows than `limit`. */
  cut: boolean;
}

export interface QueryFile extends QueriedSnapshot {
  columns: { name: string; type: string }[];
  rows: number;
  cut: boolean;
  /** Absolute path. */
  file: string;
  bytes: number;
}

/** The tables of a snapshot. */
export interface QueryTables extends QueriedSnapshot {
  tables: { name: string; rows: number | null }[];
}

const LIMIT = 1000;

export const queriedOf = ({ ref, manifest }: KeptSnapshot): QueriedSnapshot => ({
  pipeline: manifest.pipeline,
  generation: ref.generation,
  run: manifest.run,
  logicalTime: manifest.logicalTime,
  snapshot: ref.snapshot,
  sample: manifest.sample,
});

/** Runs `work` with a lake on the store that is open already. */
export async function withLake<T>(
  store: ObjectStore,
  { home, scratch, compute }: LakeSettings,
  work: (lake: Lake) => Promise<T>,
): Promise<T> {
  const lake = await openLake({
    home,
    store,
    scratchBytes: scratch.maxBytes,
    memoryLimit: `${Math.floor(compute.memory / 1e6)}MB`,
    threads: compute.threads,
  });
  try {
    return await work(lake);
  } finally {
    await lake.close();
  }
}

/** Runs a query over the tables of one snapshot in a form of its own; errors as of `runQuery`. */
export const queryAs = <T>(
  store: ObjectStore,
  settings: LakeSettings,
  pipeline: string,
  sql: string,
  { asOf, limit = LIMIT, format, ...options }: QueryRequest & { format: ResultFormat },
  take: (outcome: QueryOutcome, path: string) => Promise<T>,
): Promise<T> =>
  withLake(store, settings, (lake) =>
    runQuery(
      {
        ...{ lake, pipeline, sql, format },
        ...(asOf !== undefined && { asOf }),
        ...(Number.isFinite(limit) && { limit }),
      },
      take,
      options,
    ),
  );

/** The rows of a query in memory. */
export const query = (
  store: ObjectStore,
  settings: LakeSettings,
  pipeline: string,
  sql: string,
  request: QueryRequest = {},
): Promise<QueryResult> =>
  queryAs(store, settings, pipeline, sql, { ...request, format: 'jsonl' }, async (outcome, path) => ({
    ...queriedOf(outcome.snapshot),
    columns: outcome.columns,
    rows: linesOf(await readFile(path, 'utf8')),
    cut: outcome.cut,
  }));

export const linesOf = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** The rows of a query as a file, which is there whole or not at all. */
export const queryToFile = (
  store: ObjectStore,
  settings: LakeSettings,
  pipeline: string,
  sql: string,
  { output, ...request }: QueryRequest & { output: string; format: ResultFormat },
): Promise<QueryFile> =>
  queryAs(store, settings, pipeline, sql, request, async (outcome, path) => {
    const file = resolve(output);
    await placeWhole(path, file);
    const { columns, rows, cut } = outcome;
    return { ...queriedOf(outcome.snapshot), columns, rows, cut, file, bytes: (await stat(file)).size };
  });

/** Puts a copy of a file in a place where readers see the old file or the new one. */
export async function placeWhole(path: string, file: string): Promise<void> {
  const part = `${file}.${process.pid}.part`;
  try {
    await copyFile(path, part);
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    throw storeError(error, `writing ${file}`);
  }
}

/** What there is to ask. */
export async function queryTables(
  store: ObjectStore,
  pipeline: string,
  { asOf, ...options }: Omit<QueryRequest, 'limit'> = {},
): Promise<QueryTables> {
  const kept = await findKept(store, pipeline, asOf, options);
  return { ...queriedOf(kept), tables: tablesOf(kept) };
}
