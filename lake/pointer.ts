import { z } from 'zod';
import { keyOf } from './keys.js';
import { jsonBytes, loose, parseAs, snapshotRefSchema } from './manifest.js';
import type { CallOptions, ObjectStore, Version } from './types.js';

/** Nothing is published while it stands: who wanted that, since when, and why. */
export const holdSchema = loose({
  by: z.string(),
  at: z.iso.datetime({ offset: true }),
  reason: z.string(),
});

export type Hold = z.infer<typeof holdSchema>;

const count = z.number().int().nonnegative();

/**
 * What the last collection began with. A run that began in an earlier epoch publishes no more: what it had made may be
 * gone. Nothing below `floor` is kept, and of a layer nothing below its own.
 */
export const collectionSchema = loose({
  epoch: count,
  id: z.string(),
  floor: count,
  layers: z.record(z.string(), count).optional(),
});

/**
 * What is published now: the only thing of a pipeline that ever changes. It carries generation, run and the nonce of
 * the attempt, so that two pointers are never equal, and names the snapshot before it.
 */
export const pointerSchema = snapshotRefSchema.extend({
  version: z.literal(1),
  pipeline: z.string(),
  logicalTime: z.iso.datetime({ offset: true }),
  /** Digest of names and bytes of the outputs, those apart that differ between equal runs. */
  content: z.string(),
  predecessor: snapshotRefSchema.nullable(),
  hold: holdSchema.nullable().default(null),
  collection: collectionSchema.optional(),
  /** The generation whose content this one has, where it goes back; absent where it does not. */
  restored: snapshotRefSchema.optional(),
});

export type Pointer = z.infer<typeof pointerSchema>;
export type SnapshotRef = z.infer<typeof snapshotRefSchema>;

/** The epoch that a pipeline's lake is in; 0 before the first collection. */
export const epochOf = (pointer: Pick<Pointer, 'collection'> | undefined): number => pointer?.collection?.epoch ?? 0;

export const pointerKey = (pipeline: string): string => keyOf('lake', pipeline, 'state', 'current.json');

/** A pointer as it was read, with the token to replace just this one. */
export interface PointerState {
  pointer: Pointer;
  version: Version;
  warnings: string[];
}

/** The pointer, or undefined where nothing was published yet; GR-4006 where it is not one. */
export async function readPointer(
  store: ObjectStore,
  pipeline: string,
  options: CallOptions = {},
): Promise<PointerState | undefined> {
  const key = pointerKey(pipeline);
  const found = await store.read(key, options);
  if (found === undefined) return undefined;
  const pointer = parseAs(pointerSchema, found.value, key);
  return { pointer, version: found.version, warnings: found.warning === undefined ? [] : [found.warning] };
}

/** Replaces just the pointer that was read (undefined: none). */
export async function swapPointer(
  store: ObjectStore,
  pointer: Pointer,
  expected: Version | undefined,
  options: CallOptions = {},
): Promise<Version | 'conflict'> {
  return store.swap(pointerKey(pointer.pipeline), jsonBytes(pointer), expected, options);
}

/** The part of a pointer that its successor names. */
export const refOf = ({ generation, run, nonce, snapshot, manifest }: Pointer): SnapshotRef => ({
  generation,
  run,
  nonce,
  snapshot,
  manifest,
});
