import { fetchBytes } from './artifacts.js';
import { isDamage } from './known.js';
import { type Manifest, parseManifest } from './manifest.js';
import type { SnapshotRef } from './pointer.js';
import { readRunAt, runKey } from './runs.js';
import type { CallOptions, ObjectStore } from './types.js';

/** A snapshot's manifest, its digest checked. */
export async function readManifest(
  store: ObjectStore,
  { manifest }: Pick<SnapshotRef, 'manifest'>,
  options: CallOptions = {},
): Promise<Manifest> {
  return parseManifest(await fetchBytes(store, manifest, options), manifest.uri);
}

/**
 * What a snapshot's manifest tells: where that is damaged, by the manifest of its run, which is another file with another
 * seal. So one damaged file neither hides what stood before it, nor what a collection must keep. The error of the
 * first where the second does not tell it either.
 */
export async function toldOf(
  store: ObjectStore,
  ref: SnapshotRef,
  options: CallOptions = {},
): Promise<{ manifest: Manifest; warning?: string }> {
  try {
    return { manifest: await readManifest(store, ref, options) };
  } catch (error) {
    if (!isDamage(error)) throw error;
    const manifest = await ownOf(store, ref, options);
    if (manifest === undefined) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    return { manifest, warning: `${reason}; the manifest of run ${ref.run} is used in its place` };
  }
}

/** The manifest of the run that published a snapshot, where it tells of that snapshot. */
async function ownOf(store: ObjectStore, ref: SnapshotRef, options: CallOptions): Promise<Manifest | undefined> {
  const [, pipeline, , folder = ''] = ref.snapshot.split('/');
  const stamp = folder.slice(0, folder.indexOf('-'));
  if (pipeline === undefined || stamp === '') return undefined;
  try {
    const manifest = await readRunAt(store, runKey(pipeline, stamp, ref.run), options);
    return manifest.generation === ref.generation && manifest.outputs.length > 0 ? manifest : undefined;
  } catch (error) {
    if (!isDamage(error)) throw error;
    return undefined;
  }
}
