import { putInFolder } from './archive.js';
import { findPublication } from './current.js';
import { sha256Of } from './hashing.js';
import { keyOf, stampOf } from './keys.js';
import type { Lake } from './lake.js';
import type { Manifest } from './manifest.js';
import { type Pointer, type PointerState, readPointer, refOf, swapPointer } from './pointer.js';
import type { Artifact, CallOptions } from './types.js';

/** A file to be published; tables have rows. `copy` is where its bytes are found should the object be damaged. */
export type SnapshotFile = Artifact & { rows?: number; copy?: string };

/** A snapshot to be written and pointed to. */
export interface SnapshotContent {
  lake: Pick<Lake, 'store' | 'scratch'>;
  pipeline: string;
  run: string;
  /** Drawn anew by each attempt, eight hex digits or more. */
  nonce: string;
  /** ISO 8601. */
  logicalTime: string;
  /** The snapshot's files by name; objects of the store. */
  files: Readonly<Record<string, SnapshotFile>>;
  /** The manifest but for what is known only when publishing. */
  manifest: Omit<Manifest, 'outputs' | 'generation' | 'predecessor' | 'outcome'>;
}

/**
 * Moves the pointer; whether it moved. An error leaves open whether it moved, so it is read back before
 * anything is concluded.
 */
export async function movePointer(
  input: SnapshotContent,
  pointer: Pointer,
  current: PointerState | undefined,
  options: CallOptions,
): Promise<boolean> {
  try {
    const answer = await swapPointer(input.lake.store, pointer, current?.version, options);
    if (answer !== 'conflict') return true;
  } catch (error) {
    if (await isOurs(input, pointer, options)) return true;
    throw error;
  }
  // A store that tries again by itself may find its own first try in the way.
  return isOurs(input, pointer, options);
}

async function isOurs(input: SnapshotContent, { nonce }: Pointer, options: CallOptions): Promise<boolean> {
  const now = await readPointer(input.lake.store, input.pipeline, options);
  if (now === undefined) return false;
  return (
    now.pointer.nonce === nonce ||
    (await findPublication(input.lake.store, now.pointer, input.run, options))?.nonce === nonce
  );
}

/** Writes files and manifest; gives the pointer to it. A lost race leaves the folder to collection, never to another. */
export async function writeSnapshot(
  input: SnapshotContent,
  current: Pointer | undefined,
  options: CallOptions,
): Promise<Pointer> {
  const { pipeline, run, nonce, logicalTime } = input;
  const generation = (current?.generation ?? 0) + 1;
  const folder = keyOf('outputs', pipeline, 'archive', `${stampOf(logicalTime)}-g${generation}-${nonce.slice(0, 8)}`);
  const predecessor = current === undefined ? null : refOf(current);
  const written = await putInFolder(input, folder, { generation, predecessor }, options);
  return {
    version: 1,
    pipeline,
    generation,
    run,
    nonce,
    logicalTime,
    ...written,
    content: contentOf(input),
    predecessor,
    hold: null,
    ...(current?.collection && { collection: current.collection }),
  };
}

/** Digest of the outputs' names and digests, but for those whose bytes differ between equal runs. */
export function contentOf({ files, manifest }: SnapshotContent): string {
  const named = Object.entries(files)
    .filter(([name]) => !manifest.volatileOutputs.includes(name))
    .map(([name, { sha256 }]) => `${sha256}  ${name}\n`)
    .sort();
  return sha256Of(named.join(''));
}
