import { GeorefreshError } from '../config/errors.js';
import type { Manifest } from './manifest.js';
import { type Pointer, readPointer, refOf, type SnapshotRef } from './pointer.js';
import { floorOf } from './reachable.js';
import { readManifest } from './read-manifest.js';
import type { CallOptions, ObjectStore } from './types.js';

/** A published snapshot with its manifest, whose digest was checked. */
export interface Snapshot {
  ref: SnapshotRef;
  manifest: Manifest;
}

/** How far back a snapshot is looked for. */
const LONGEST_CHAIN = 1000;

/** What people call a snapshot: `current`, `previous`, its generation, or its folder's name, with or without the path. */
function isNamed(name: string, { generation }: Pointer): (ref: SnapshotRef) => boolean {
  if (name === 'current') return (ref) => ref.generation === generation;
  if (name === 'previous') return (ref) => ref.generation < generation;
  if (/^g?\d+$/.test(name)) return (ref) => ref.generation === Number(name.replace('g', ''));
  const folder = name.replace(/\/+$/, '');
  return ({ snapshot }) => `/${snapshot}`.endsWith(`/${folder}`);
}

/**
 * The published snapshots of a pipeline by their names (see `isNamed`), in that order, looked for from the current one
 * back along its predecessors.
 *
 * GR-4003 where nothing was published yet, GR-4010 where no generation has a name; where a manifest on the way is gone
 * or was altered, what is behind it cannot be found: GR-4004, GR-4005.
 */
export async function findSnapshots(
  store: ObjectStore,
  pipeline: string,
  names: readonly string[],
  options: CallOptions = {},
): Promise<Snapshot[]> {
  const state = await readPointer(store, pipeline, options);
  if (state === undefined) throw new GeorefreshError('GR-4003', pipeline);
  const found = new Map<string, Snapshot>();
  const open = new Map(names.map((name) => [name, isNamed(name, state.pointer)]));
  let at: SnapshotRef | null = refOf(state.pointer);
  let oldest = at.generation;
  const floor = floorOf(state.pointer);
  for (let steps = 0; at !== null && at.generation >= floor && open.size > 0 && steps < LONGEST_CHAIN; steps++) {
    const ref: SnapshotRef = at;
    const manifest: Manifest = await readManifest(store, ref, options);
    for (const [name, fits] of open) {
      if (!fits(ref)) continue;
      found.set(name, { ref, manifest });
      open.delete(name);
    }
    oldest = ref.generation;
    at = manifest.predecessor;
  }
  return names.map((name) => {
    const snapshot = found.get(name);
    if (snapshot !== undefined) return snapshot;
    if (name === 'previous' && oldest === state.pointer.generation)
      throw new GeorefreshError('GR-4010', `nothing was published before generation ${oldest} of ${pipeline}`);
    throw new GeorefreshError(
      'GR-4010',
      `${JSON.stringify(name)} of ${pipeline}, whose generations are ${oldest} to ${state.pointer.generation}`,
    );
  });
}
