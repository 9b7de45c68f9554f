import { GeorefreshError } from '../config/errors.js';
import { stands } from './artifacts.js';
import { findPublication } from './current.js';
import { sha256Of } from './hashing.js';
import { keyOf, stampOf } from './keys.js';
import type { Lake } from './lake.js';
import { jsonBytes, type Manifest, manifestSchema } from './manifest.js';
import { type Pointer, type PointerState, readPointer, refOf, swapPointer } from './pointer.js';
import { isDamage } from './read-manifest.js';
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
  const { lake, pipeline, run, nonce, logicalTime } = input;
  const generation = (current?.generation ?? 0) + 1;
  const snapshot = keyOf('outputs', pipeline, 'archive', `${stampOf(logicalTime)}-g${generation}-${nonce.slice(0, 8)}`);
  const outputs: Manifest['outputs'] = [];
  for (const [name, ref] of Object.entries(input.files)) {
    const uri = `${snapshot}/${name}`;
    // Copied, not linked: people edit outputs, and the lake's object must not change with them.
    const place = (path: string) => lake.store.putIfAbsent(uri, { path }, options);
    await lake.scratch.use(ref, place, options).catch((error: unknown) => {
      if (ref.copy === undefined || !isDamage(error)) throw error;
      return lake.scratch.use({ ...ref, uri: ref.copy }, place, options);
    });
    if (!(await stands(lake.store, { ...ref, uri }, options)))
      throw new GeorefreshError('GR-4005', `${uri} has not the size of ${ref.uri}`);
    outputs.push({ name, uri, rows: ref.rows ?? null, sha256: ref.sha256, bytes: ref.bytes });
  }
  const predecessor = current === undefined ? null : refOf(current);
  const manifest = manifestSchema.parse({ ...input.manifest, outcome: 'published', outputs, generation, predecessor });
  const bytes = jsonBytes(manifest);
  const uri = `${snapshot}/manifest.json`;
  const put = await lake.store.putIfAbsent(uri, bytes, options);
  // Two attempts never share a folder while each draws its nonce; one that does not is told to draw another.
  if (put === 'exists' && sha256Of(await lake.store.get(uri, options)) !== sha256Of(bytes))
    throw new GeorefreshError('GR-3001', `${snapshot} holds another attempt's manifest`);
  return {
    version: 1,
    pipeline,
    generation,
    run,
    nonce,
    logicalTime,
    snapshot,
    manifest: { uri, sha256: sha256Of(bytes), bytes: bytes.length },
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
