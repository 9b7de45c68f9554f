import { GeorefreshError } from '../config/errors.js';
import { putArtifact, stands } from './artifacts.js';
import { findPublication, followLatest } from './current.js';
import { sha256Of } from './hashing.js';
import { keyOf, stampOf } from './keys.js';
import type { Lake } from './lake.js';
import { jsonBytes, type Manifest, manifestSchema } from './manifest.js';
import { type Pointer, type PointerState, readPointer, refOf, type SnapshotRef, swapPointer } from './pointer.js';
import type { Artifact, CallOptions, TableRef } from './types.js';

/** Attempts at the pointer before a publication gives way; each lost one means that another was published. */
const ATTEMPTS = 8;

export interface PublishInput {
  lake: Pick<Lake, 'store' | 'scratch'>;
  pipeline: string;
  run: string;
  /** Drawn anew by each attempt, eight hex digits or more. */
  nonce: string;
  /** ISO 8601. */
  logicalTime: string;
  /** The snapshot's files by name; objects of the store. */
  files: Readonly<Record<string, Artifact | TableRef>>;
  /** The manifest but for what is known only when publishing. */
  manifest: Omit<Manifest, 'outputs' | 'generation' | 'predecessor' | 'outcome'>;
}

/**
 * - `published`: `snapshot` is current, or was until a later run took over; also where an earlier attempt of the run did it.
 * - `unchanged`: the current snapshot has the same logical time and content. - `superseded`: it has a later logical time.
 * - `held`: nothing may be published until it is released.
 */
export type Published =
  | { outcome: 'published'; generation: number; snapshot: SnapshotRef; again: boolean }
  | { outcome: 'unchanged' | 'superseded' | 'held'; generation: number; snapshot: SnapshotRef };

/**
 * Publishes a run's files as a snapshot: the files, then the manifest, in a folder that is this attempt's alone; then
 * the pointer by compare-and-swap; then what people see follows. Readers see the old snapshot or the new one, whole.
 *
 * Repeating it is harmless. An attempt whose answer was lost is not a failed one: the pointer is read back, and the
 * run's own publication is recognised there or along its predecessors. GR-7001 where others win every attempt.
 */
export async function publishSnapshot(input: PublishInput, options: CallOptions = {}): Promise<Published> {
  const { store } = input.lake;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const current = await readPointer(store, input.pipeline, options);
    const settled = await outcomeSoFar(input, current, options);
    if (settled !== undefined) {
      await followLatest(store, input.pipeline, options);
      return settled;
    }
    const pointer = await writeSnapshot(input, current?.pointer, options);
    if (await moved(input, pointer, current, options)) {
      await followLatest(store, input.pipeline, options);
      return { outcome: 'published', generation: pointer.generation, snapshot: refOf(pointer), again: false };
    }
  }
  throw new GeorefreshError(
    'GR-7001',
    `${input.pipeline} was published by others ${ATTEMPTS} times while run ${input.run} tried`,
  );
}

/** What the pointer as it stands means for this run; undefined where the run is to publish. */
async function outcomeSoFar(
  input: PublishInput,
  current: PointerState | undefined,
  options: CallOptions,
): Promise<Published | undefined> {
  if (current === undefined) return undefined;
  const { pointer } = current;
  const own = await findPublication(input.lake.store, pointer, input.run, options);
  if (own !== undefined) return { outcome: 'published', generation: own.generation, snapshot: own, again: true };
  const standing = { generation: pointer.generation, snapshot: refOf(pointer) };
  if (pointer.hold !== null) return { outcome: 'held', ...standing };
  const [mine, theirs] = [Date.parse(input.logicalTime), Date.parse(pointer.logicalTime)];
  if (mine < theirs) return { outcome: 'superseded', ...standing };
  if (mine === theirs && pointer.content === contentOf(input)) return { outcome: 'unchanged', ...standing };
  return undefined;
}

/** Moves the pointer. An error leaves open whether it moved, so it is read back before anything is concluded. */
async function moved(
  input: PublishInput,
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

async function isOurs(input: PublishInput, { nonce }: Pointer, options: CallOptions): Promise<boolean> {
  const now = await readPointer(input.lake.store, input.pipeline, options);
  if (now === undefined) return false;
  return (
    now.pointer.nonce === nonce ||
    (await findPublication(input.lake.store, now.pointer, input.run, options))?.nonce === nonce
  );
}

/** Writes files and manifest; gives the pointer to it. A lost race leaves the folder to collection, never to another. */
async function writeSnapshot(
  input: PublishInput,
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
    await lake.scratch.use(ref, (path) => lake.store.putIfAbsent(uri, { path }, options), options);
    if (!(await stands(lake.store, { ...ref, uri }, options)))
      throw new GeorefreshError('GR-4005', `${uri} has not the size of ${ref.uri}`);
    outputs.push({ name, uri, rows: 'rows' in ref ? ref.rows : null, sha256: ref.sha256, bytes: ref.bytes });
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
  };
}

/** Digest of the outputs' names and digests, but for those whose bytes differ between equal runs. */
function contentOf({ files, manifest }: PublishInput): string {
  const named = Object.entries(files)
    .filter(([name]) => !manifest.volatileOutputs.includes(name))
    .map(([name, { sha256 }]) => `${sha256}  ${name}\n`)
    .sort();
  return sha256Of(named.join(''));
}

/** Keeps bytes (a report, metrics) as an object under the pipeline's predictions, ready to be published. */
export const putOutput = (
  lake: Pick<Lake, 'store'>,
  pipeline: string,
  bytes: Uint8Array,
  ext: string,
  options: CallOptions = {},
): Promise<Artifact> => putArtifact(lake.store, keyOf('lake', pipeline, 'predictions'), bytes, ext, options);
