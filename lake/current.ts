import { GeorefreshError } from '../config/errors.js';
import { stands } from './artifacts.js';
import { keyOf } from './keys.js';
import { isDamage } from './known.js';
import type { Manifest } from './manifest.js';
import { type Pointer, pointerKey, readPointer, type SnapshotRef } from './pointer.js';
import { toldOf } from './read-manifest.js';
import type { CallOptions, ObjectStore } from './types.js';

/** What is published, as readers get it. */
export interface Current {
  pointer: Pointer;
  /** The snapshot that is whole: the pointer's own or, where that is damaged, the nearest predecessor. */
  snapshot: SnapshotRef;
  manifest: Manifest;
  /** What was found damaged and stepped over, in words. */
  warnings: string[];
}

/** How far back a whole snapshot is looked for. */
const LONGEST_CHAIN = 1000;

/**
 * The current snapshot, its manifest checked and all its files there with their sizes (their digests are checked when
 * they are read). Where the manifest is damaged, what its run told of it stands in, with a warning. Undefined where nothing was published; GR-4006 where no whole snapshot is left.
 */
export async function readCurrent(
  store: ObjectStore,
  pipeline: string,
  options: CallOptions = {},
): Promise<Current | undefined> {
  const state = await readPointer(store, pipeline, options);
  if (state === undefined) return undefined;
  const { pointer } = state;
  const warnings = [...state.warnings];
  let at: SnapshotRef | null = pointer;
  // A damaged manifest hides who stood before it; the pointer knows that of the current one. What went back is followed
  // to where it went, not to what it left behind.
  let before: SnapshotRef | null = pointer.restored ?? pointer.predecessor;
  for (let steps = 0; at !== null && steps < LONGEST_CHAIN; steps++) {
    const told = await attempt(() => toldOf(store, at as SnapshotRef, options), warnings);
    const found: Manifest | undefined = told?.manifest;
    if (told?.warning !== undefined) warnings.push(told.warning);
    const gone = found === undefined ? undefined : await firstMissing(store, found, options);
    if (found !== undefined && gone === undefined) return { pointer, snapshot: at, manifest: found, warnings };
    if (gone !== undefined) warnings.push(`${gone} of generation ${at.generation} is missing or has another size`);
    const next: SnapshotRef | null = steps === 0 ? before : (found?.restored ?? found?.predecessor ?? null);
    before = null;
    at = next;
    if (at !== null) warnings.push(`generation ${at.generation} is used instead`);
  }
  throw new GeorefreshError('GR-4006', `no whole snapshot of ${pipeline} is left: ${warnings.join('; ')}`, {
    where: [{ file: pointerKey(pipeline) }],
  });
}

async function attempt<T>(work: () => Promise<T>, warnings: string[]): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!isDamage(error)) throw error;
    warnings.push(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

async function firstMissing(store: ObjectStore, manifest: Manifest, options: CallOptions): Promise<string | undefined> {
  for (const output of manifest.outputs) if (!(await stands(store, output, options))) return output.uri;
  return undefined;
}

/**
 * Whether a run published, looked for along the predecessors: a later run may have published since, while the first
 * one's attempt waited for an answer that was lost.
 */
export async function findPublication(
  store: ObjectStore,
  pointer: Pointer,
  run: string,
  options: CallOptions = {},
): Promise<SnapshotRef | undefined> {
  if (pointer.run === run) return pointer;
  let at: SnapshotRef | null = pointer.predecessor;
  for (let steps = 0; at !== null && steps < 50; steps++) {
    if (at.run === run) return at;
    const told = await attempt(() => toldOf(store, at as SnapshotRef, options), []);
    at = told?.manifest.predecessor ?? null;
  }
  return undefined;
}

/**
 * Brings `outputs/<pipeline>/latest` and the visible pointer in line with what is published, and looks again
 * afterwards: whoever writes last has seen the newest, also one that was frozen in between.
 */
export async function followLatest(store: ObjectStore, pipeline: string, options: CallOptions = {}): Promise<void> {
  for (;;) {
    const before = await readPointer(store, pipeline, options);
    if (before === undefined) return;
    await store.alias?.(keyOf('outputs', pipeline, 'latest'), before.pointer.snapshot, options);
    await store.settle?.(pointerKey(pipeline), options);
    const after = await readPointer(store, pipeline, options);
    if (after?.version === before.version) return;
  }
}
