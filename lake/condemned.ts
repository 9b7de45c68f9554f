import type { HistoryEntry } from './history.js';
import { keyOf } from './keys.js';
import type { Pointer } from './pointer.js';
import { layerOf } from './reachable.js';
import type { Kept, Retention } from './retention.js';
import type { CallOptions, ObjectStore } from './types.js';

/** An object that goes, of which kind it is, and of how many bytes. */
export interface Condemned {
  key: string;
  kind: 'snapshot' | 'object' | 'result' | 'run' | 'note';
  bytes: number;
}

export interface Surveyed {
  store: ObjectStore;
  pipeline: string;
  pointer: Pointer;
  /** What was written before it is judged; runs write in it from now on. */
  epoch: number;
  /** The snapshots that stay. */
  chain: readonly Kept[];
  /** The snapshots of earlier times, beside those, that stay. */
  history: readonly HistoryEntry[];
  /** Names of objects that stay. */
  reachable: ReadonlySet<string>;
  retention: Retention;
  now: number;
}

const ADDRESSED = /\/(?:e(\d+)\/)?[0-9a-f]{2}\/[0-9a-f]{64}\.[a-z0-9.]+$/;
const RESULT = /\/state\/keys\/(?:e(\d+)\/)?key-[0-9a-f]{64}\.json$/;
const NOTE = /\/state\/(?:sources\/file-[0-9a-f]{64}|collections\/[^/]+)\.json$/;
const RUN = /\/state\/runs\/\d{8}T\d{6}Z-([^/]+)\.json$/;
/** A snapshot of an earlier time is made in an epoch, and entered in no later one. */
const BESIDE = /^[^/]+-b(\d+)-[0-9a-f]{8}\//;
const AIMED = /^[^/]+-g(\d+)-[0-9a-f]{8}\//;

/**
 * What goes, in the order in which it is to be deleted: results before the objects that they name, a snapshot's manifest
 * before its files. Only names of the lake's own forms are told; whatever else people put there stays.
 */
export async function condemnedOf(surveyed: Surveyed, options: CallOptions): Promise<Condemned[]> {
  const { store, pipeline } = surveyed;
  const gone: Condemned[] = [];
  for await (const { key, bytes, modified } of store.list(`${keyOf('lake', pipeline)}/`, options)) {
    const kind = kindOf(surveyed, key, modified.getTime());
    if (kind !== undefined) gone.push({ key, kind, bytes });
  }
  gone.push(...(await oldRuns(surveyed, options)));
  for await (const { key, bytes } of store.list(`${keyOf('outputs', pipeline, 'archive')}/`, options))
    if (isLeft(surveyed, key)) gone.push({ key, kind: 'snapshot', bytes });
  const rank = ({ kind, key }: Condemned): number =>
    ['result', 'note', 'run', 'snapshot', 'object'].indexOf(kind) * 2 + (key.endsWith('/manifest.json') ? 0 : 1);
  return gone.sort((a, b) => rank(a) - rank(b));
}

/** As what a name of the lake goes; undefined where it stays. */
function kindOf(
  { pipeline, epoch, reachable, retention, now }: Surveyed,
  key: string,
  modified: number,
): Condemned['kind'] | undefined {
  const isPast = (match: RegExpExecArray): boolean => Number(match[1] ?? 0) < epoch;
  const result = RESULT.exec(key);
  if (result !== null) return isPast(result) ? 'result' : undefined;
  if (NOTE.test(key)) return now - modified > retention.runs.age ? 'note' : undefined;
  const object = ADDRESSED.exec(key);
  if (object === null || layerOf(pipeline, key) === undefined || reachable.has(key)) return undefined;
  return isPast(object) ? 'object' : undefined;
}

/** Snapshots that no longer stay, and what lost races left. One that is aimed higher may still be published. */
function isLeft({ pipeline, pointer, epoch, chain, history }: Surveyed, key: string): boolean {
  const folder = keyOf('outputs', pipeline, 'archive');
  const beside = BESIDE.exec(key.slice(folder.length + 1));
  if (beside !== null)
    return Number(beside[1]) < epoch && !history.some(({ snapshot }) => key.startsWith(`${snapshot}/`));
  const aimed = AIMED.exec(key.slice(folder.length + 1));
  if (aimed === null || Number(aimed[1]) > pointer.generation) return false;
  return !chain.some(({ ref }) => key.startsWith(`${ref.snapshot}/`));
}

async function oldRuns(
  { store, pipeline, chain, history, retention, now }: Surveyed,
  options: CallOptions,
): Promise<Condemned[]> {
  const kept = new Set([...chain.map(({ ref }) => ref.run), ...history.map(({ run }) => run)]);
  const all: { key: string; bytes: number; modified: Date }[] = [];
  for await (const one of store.list(`${keyOf('lake', pipeline, 'state', 'runs')}/`, options)) all.push(one);
  return all.reverse().flatMap(({ key, bytes, modified }, place) => {
    const run = RUN.exec(key)?.[1];
    const stays = run === undefined || kept.has(run) || place < retention.runs.count;
    return stays || now - modified.getTime() <= retention.runs.age ? [] : [{ key, kind: 'run' as const, bytes }];
  });
}
