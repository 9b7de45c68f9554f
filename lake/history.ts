import { z } from 'zod';
import { GeorefreshError } from '../config/errors.js';
import { putInFolder } from './archive.js';
import { epochNow } from './epoch.js';
import { keyOf, stampOf } from './keys.js';
import { artifactSchema, jsonBytes, loose, parseAs } from './manifest.js';
import type { Retention } from './retention.js';
import type { SnapshotContent } from './snapshot-files.js';
import type { CallOptions, ObjectStore, Version } from './types.js';

/** Attempts at the register; each lost one means that somebody else wrote it. */
const ATTEMPTS = 8;
/** Its value is read and written as a whole: a megabyte or two. */
const MOST = 5000;

const entrySchema = loose({
  logicalTime: z.iso.datetime({ offset: true }),
  run: z.string(),
  nonce: z.string(),
  snapshot: z.string(),
  manifest: artifactSchema,
  /** When it was made, ISO 8601. */
  made: z.string(),
});

const historySchema = loose({
  version: z.literal(1),
  pipeline: z.string(),
  /** Of the lake: what was begun in an earlier one is not entered any more. */
  epoch: z.number().int().nonnegative(),
  /** By logical time, of which no two are equal. */
  entries: z.array(entrySchema),
});

/** A snapshot of an earlier time, beside those that were published: it never was current. */
export type HistoryEntry = z.infer<typeof entrySchema>;
type History = z.infer<typeof historySchema>;

const historyKey = (pipeline: string): string => keyOf('lake', pipeline, 'state', 'history.json');

async function read(
  store: ObjectStore,
  pipeline: string,
  options: CallOptions,
): Promise<{ history: History; version: Version | undefined }> {
  const found = await store.read(historyKey(pipeline), options);
  if (found === undefined) return { history: { version: 1, pipeline, epoch: 0, entries: [] }, version: undefined };
  return { history: parseAs(historySchema, found.value, historyKey(pipeline)), version: found.version };
}

/** The snapshots of earlier times that are kept, by logical time; GR-4006 where the register is damaged. */
export const readHistory = async (
  store: ObjectStore,
  pipeline: string,
  options: CallOptions = {},
): Promise<HistoryEntry[]> => (await read(store, pipeline, options)).history.entries;

/**
 * Keeps a run's files as the snapshot of its own logical time, beside what is published: the pointer stands. One that was
 * there for the same time is replaced. Repeating it is harmless: a run that is there already is not entered again.
 *
 * The register moves by compare-and-swap and carries the lake's epoch, as the pointer does: a run that a collection
 * overtook is not entered (GR-7002), so that no collection ever finds an entry that it did not see. GR-7003 where there
 * are 5000 already, GR-7001 where others win every attempt.
 */
export async function keepInHistory(input: SnapshotContent, options: CallOptions = {}): Promise<HistoryEntry> {
  const { lake, pipeline, run, nonce } = input;
  const logicalTime = new Date(input.logicalTime).toISOString();
  let written: Pick<HistoryEntry, 'snapshot' | 'manifest'> | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { history, version } = await read(lake.store, pipeline, options);
    const own = history.entries.find((entry) => entry.run === run);
    if (own !== undefined) return own;
    if (history.epoch > epochNow())
      throw new GeorefreshError(
        'GR-7002',
        `run ${run} of ${pipeline} began in epoch ${epochNow()}, and it is ${history.epoch}`,
      );
    if (history.entries.length >= MOST)
      throw new GeorefreshError('GR-7003', `${pipeline} keeps ${MOST} snapshots of earlier times`);
    const folder = `${stampOf(logicalTime)}-b${epochNow()}-${nonce.slice(0, 8)}`;
    written ??= await putInFolder(
      input,
      keyOf('outputs', pipeline, 'archive', folder),
      { generation: null, predecessor: null },
      options,
    );
    // Never before its run: the clock of this worker may be behind, and retention counts from it.
    const made = new Date(Math.max(Date.now(), Date.parse(input.manifest.finished))).toISOString();
    const entry: HistoryEntry = { logicalTime, run, nonce, ...written, made };
    const entries = [...history.entries.filter((one) => one.logicalTime !== logicalTime), entry];
    entries.sort((a, b) => Date.parse(a.logicalTime) - Date.parse(b.logicalTime));
    const next: History = { ...history, epoch: Math.max(history.epoch, epochNow()), entries };
    if ((await lake.store.swap(historyKey(pipeline), jsonBytes(next), version, options)) !== 'conflict') return entry;
  }
  throw new GeorefreshError('GR-7001', `the history of ${pipeline} was changed by others ${ATTEMPTS} times`);
}

/** What retention keeps: the latest times, as many as snapshots, and those that were made of late. */
export const keptEntries = (
  entries: readonly HistoryEntry[],
  { snapshots }: Pick<Retention, 'snapshots'>,
  now: number,
): HistoryEntry[] =>
  entries.filter(
    ({ made }, place) => entries.length - place <= snapshots.count || now - Date.parse(made) <= snapshots.age,
  );

/**
 * Begins an epoch of the history, without what retention lets go; gives what stays. Also where there is no history yet: a
 * run that began before must find that it is too late to begin one.
 */
export async function beginHistoryEpoch(
  store: ObjectStore,
  pipeline: string,
  { epoch, retention, now }: { epoch: number; retention: Pick<Retention, 'snapshots'>; now: number },
  options: CallOptions = {},
): Promise<HistoryEntry[]> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { history, version } = await read(store, pipeline, options);
    // An earlier attempt of this collection began it.
    if (history.epoch >= epoch) return history.entries;
    const entries = keptEntries(history.entries, retention, now);
    const next = jsonBytes({ ...history, epoch, entries });
    if ((await store.swap(historyKey(pipeline), next, version, options)) !== 'conflict') return entries;
  }
  throw new GeorefreshError('GR-7001', `the history of ${pipeline} was changed by others ${ATTEMPTS} times`);
}
