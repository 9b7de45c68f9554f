import { GeorefreshError } from '../config/errors.js';
import { stands } from './artifacts.js';
import { followLatest } from './current.js';
import type { Lake } from './lake.js';
import type { Manifest } from './manifest.js';
import { type Hold, type Pointer, type PointerState, readPointer, refOf, type SnapshotRef } from './pointer.js';
import { wholeFloorOf } from './reachable.js';
import { readManifest, toldOf } from './read-manifest.js';
import { writeRunManifest } from './runs.js';
import { movePointer, type SnapshotFile, writeSnapshot } from './snapshot-files.js';
import type { CallOptions, ObjectStore } from './types.js';

/** How far back a generation is looked for. */
const LONGEST_CHAIN = 1000;

/** Where a rollback would lead from, and where to. */
export interface Way {
  state: PointerState;
  target: SnapshotRef;
  /** Of the target. */
  manifest: Manifest;
}

export interface RollbackInput {
  lake: Pick<Lake, 'store' | 'scratch'>;
  way: Way;
  /** Names this act among the runs: a UUID. */
  run: string;
  /** Drawn anew for each call, eight hex digits or more. */
  nonce: string;
  hold: Hold;
}

/**
 * Finds the generation to go back to: by its number, by its snapshot's folder, or else the one before what is shown now.
 * GR-4003 where nothing was published yet, GR-4009 where there is no such generation.
 */
export async function findWayBack(
  store: ObjectStore,
  pipeline: string,
  to?: number | string,
  options: CallOptions = {},
): Promise<Way> {
  const state = await readPointer(store, pipeline, options);
  if (state === undefined) throw new GeorefreshError('GR-4003', pipeline);
  const { pointer } = state;
  // Going back twice goes back two steps: what is shown now may itself be an older generation's content.
  const shown = pointer.restored?.generation ?? pointer.generation;
  const isTarget = ({ generation, snapshot }: SnapshotRef): boolean => {
    if (to === undefined) return generation < shown;
    return typeof to === 'number' ? generation === to : `/${snapshot}`.endsWith(`/${to}`);
  };
  if (to !== undefined && isTarget(pointer))
    throw new GeorefreshError('GR-4009', `generation ${pointer.generation} of ${pipeline} is the current one`);
  const floor = wholeFloorOf(pointer);
  let at = pointer.predecessor;
  for (let steps = 0; at !== null && at.generation >= floor && steps < LONGEST_CHAIN; steps++) {
    const { manifest }: { manifest: Manifest } = await toldOf(store, at, options);
    if (isTarget(at)) return { state, target: at, manifest };
    at = manifest.predecessor;
  }
  const wanted = to === undefined ? `nothing stands before generation ${shown}` : `${JSON.stringify(to)} is none`;
  const kept = floor > 1 ? `; generations before ${floor} are not kept` : '';
  throw new GeorefreshError('GR-4009', `${wanted} of ${pipeline}${kept}`);
}

/**
 * Publishes an older generation's content as a new generation that is held. Readers see what stood before or what it
 * went back to, whole. The logical time of the pointer stays, as it never goes back; that of the data is the manifest's.
 *
 * GR-7001 where another generation was published since the way was looked for; GR-4004 or GR-4005 where a file of the
 * target is gone or was altered, and the lake has no other copy of it. Nothing is moved then.
 */
export async function rollBack(
  { lake, way, run, nonce, hold }: RollbackInput,
  options: CallOptions = {},
): Promise<Pointer> {
  const { state, target, manifest: old } = way;
  const { outputs, generation: _g, predecessor: _p, outcome: _o, restored: _r, ...told } = old;
  const content = {
    lake,
    pipeline: old.pipeline,
    run,
    nonce,
    logicalTime: old.logicalTime,
    files: await wholeFiles(lake.store, old, options),
    manifest: { ...told, run, trigger: 'rollback', started: hold.at, finished: hold.at, restored: target },
  };
  const written = await writeSnapshot(content, state.pointer, options);
  const pointer: Pointer = { ...written, logicalTime: state.pointer.logicalTime, hold, restored: target };
  if (!(await movePointer(content, pointer, state, options)))
    throw new GeorefreshError('GR-7001', `${old.pipeline} is no longer at generation ${state.pointer.generation}`);
  await followLatest(lake.store, old.pipeline, options);
  await writeRunManifest(lake.store, await readManifest(lake.store, refOf(pointer), options), options);
  return pointer;
}

/** The files of a snapshot, from the lake where it still has them whole: people may have edited the published copies. */
export async function wholeFiles(
  store: ObjectStore,
  { outputs, steps }: Pick<Manifest, 'outputs' | 'steps'>,
  options: CallOptions,
): Promise<Record<string, SnapshotFile>> {
  const made = new Map(
    steps.flatMap((step) => Object.values(step.outputs).map((output) => [output.sha256, output] as const)),
  );
  const files: Record<string, SnapshotFile> = {};
  for (const { name, uri, sha256, bytes, rows } of outputs) {
    const kept = made.get(sha256);
    const source = kept !== undefined && (await stands(store, kept, options)) ? kept.uri : uri;
    files[name] = { uri: source, copy: uri, sha256, bytes, ...(rows !== null && { rows }) };
  }
  return files;
}
