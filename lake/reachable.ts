import type { Manifest } from './manifest.js';
import type { Pointer, SnapshotRef } from './pointer.js';
import { toldOf } from './read-manifest.js';
import { type Kept, LAYERS, type Layer } from './retention.js';
import type { Artifact, CallOptions, ObjectStore } from './types.js';

/** How far back snapshots are looked for. */
const LONGEST_CHAIN = 100_000;

/** The layer that an object of the lake lies in; undefined for what is none. */
export const layerOf = (pipeline: string, key: string): Layer | undefined => {
  const [lake, owner, layer] = key.split('/');
  return lake === 'lake' && owner === pipeline ? LAYERS.find((one) => one === layer) : undefined;
};

/** The generation below which nothing is kept. */
export const floorOf = ({ collection }: Pointer): number => collection?.floor ?? 1;

/** The generation below which no snapshot has all of its objects. */
export const wholeFloorOf = (pointer: Pointer): number =>
  Math.max(floorOf(pointer), ...Object.values(pointer.collection?.layers ?? {}));

/**
 * The published snapshots down to `floor`, newest first. Any of which neither manifest can be read stops it (GR-4004, GR-4005, GR-4006): what
 * it names is not known then, and may not be let go.
 */
export async function chainOf(
  store: ObjectStore,
  pointer: Pointer,
  floor: number,
  options: CallOptions = {},
): Promise<Kept[]> {
  const chain: Kept[] = [];
  let at: SnapshotRef | null = pointer;
  while (at !== null && at.generation >= floor && chain.length < LONGEST_CHAIN) {
    const { manifest }: { manifest: Manifest } = await toldOf(store, at, options);
    chain.push({ ref: at, manifest });
    at = manifest.predecessor;
  }
  return chain;
}

/** Everything in the lake that a manifest names. */
export const objectsOf = ({ definition, sources, steps }: Manifest): Artifact[] => [
  ...(definition === null ? [] : [definition]),
  ...sources.map(({ uri, sha256, bytes }) => ({ uri, sha256, bytes })),
  ...steps.flatMap((step) => Object.values(step.outputs)),
];

/** The objects of a snapshot that are kept: those of layers that went earlier are not. */
export const keptObjects = (pipeline: string, pointer: Pointer, { ref, manifest }: Kept): Artifact[] =>
  objectsOf(manifest).filter(({ uri }) => isKept(pipeline, pointer, uri, ref.generation));

/** Whether an object that a generation names lies in a layer that goes back so far. */
export function isKept(pipeline: string, { collection }: Pointer, uri: string, generation: number): boolean {
  const layer = layerOf(pipeline, uri);
  return layer !== undefined && generation >= (collection?.layers?.[layer] ?? 0);
}
