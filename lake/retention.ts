import type { Manifest } from './manifest.js';
import type { SnapshotRef } from './pointer.js';

/** Layers whose objects may be let go before the snapshots that were made of them. */
export const LAYERS = ['raw', 'validated', 'quarantine', 'features', 'models', 'predictions', 'state'] as const;
export type Layer = (typeof LAYERS)[number];

/** What a collection keeps. Ages are milliseconds, of the time when the thing was made. */
export interface Retention {
  /** A snapshot stays while it is one of the newest `count`, or younger than `age`. */
  snapshots: { count: number; age: number };
  /** Of so many of the newest snapshots the objects of a layer stay; default: of all that stay. */
  layers?: Partial<Record<Layer, number>> | undefined;
  /** Manifests of runs stay likewise. */
  runs: { count: number; age: number };
  /** Results of steps that no snapshot names stay so long, so that a later run can reuse them. */
  results: { age: number };
}

/** A published snapshot and its manifest. */
export interface Kept {
  ref: SnapshotRef;
  manifest: Manifest;
}

/** The oldest generation that stays, and that of each layer which goes earlier; `chain` is newest first. */
export function floorsOf(
  chain: readonly Kept[],
  { snapshots, layers = {} }: Retention,
  now: number,
): { floor: number; layers: Partial<Record<Layer, number>> } {
  let floor = chain[0]?.ref.generation ?? 1;
  for (const [place, { ref, manifest }] of chain.entries()) {
    if (place >= snapshots.count && now - Date.parse(manifest.finished) > snapshots.age) break;
    floor = ref.generation;
  }
  const floors: Partial<Record<Layer, number>> = {};
  for (const layer of LAYERS) {
    const count = layers[layer];
    const oldest = count === undefined ? undefined : chain[Math.min(count, chain.length) - 1]?.ref.generation;
    if (oldest !== undefined && oldest > floor) floors[layer] = oldest;
  }
  return { floor, layers: floors };
}
