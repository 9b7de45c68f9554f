import { batchesOf, readBatch } from './batch.js';
import { readHistory } from './history.js';
import { isDamage } from './known.js';
import type { Lake } from './lake.js';
import type { Manifest } from './manifest.js';
import { listModels, registryKey } from './models.js';
import { epochOf, type Pointer, type PointerState, pointerKey, readPointer, type SnapshotRef } from './pointer.js';
import { floorOf, isKept, keptObjects } from './reachable.js';
import { readManifest, toldOf } from './read-manifest.js';
import { resultsOf } from './reuse.js';
import { listRuns, readRunAt } from './runs.js';
import type { Artifact, CallOptions } from './types.js';
import { isWhole } from './whole.js';

/** What an examination of a pipeline's lake found. */
export interface Examined {
  pipeline: string;
  /** The current generation and the oldest that is kept; 0 where nothing was published. */
  generation: number;
  floor: number;
  /** Objects whose bytes were read and compared with their digests. */
  objects: number;
  bytes: number;
  faults: Fault[];
}

/** Something that is not whole. */
export interface Fault {
  /** In words, with the name of what it is about. */
  text: string;
  /**
   * What mends it: the next `refresh` makes it again; or nothing does, as what it was made of is past, and it goes by
   * `retention`. Nothing that is published now rests on the latter.
   */
  mend: 'refresh' | 'retention';
}

/**
 * Reads all that is kept of a pipeline and compares it with its digests: the pointer, the snapshots from the current one
 * down to the oldest that is kept, without a gap, their files and what they name in the lake, the snapshots of earlier times
 * beside them, models, results of steps for reuse, manifests of runs. Changes nothing, and goes on after a fault.
 */
export async function examineLake(
  lake: Pick<Lake, 'store' | 'scratch'>,
  pipeline: string,
  options: CallOptions = {},
): Promise<Examined> {
  const found: Examined = { pipeline, generation: 0, floor: 0, objects: 0, bytes: 0, faults: [] };
  const seen = new Set<string>();
  const say = (text: string, mend: Fault['mend']): void => void found.faults.push({ text, mend });
  const look = async (about: string, ref: Artifact, mend: Fault['mend']): Promise<void> => {
    if (seen.has(ref.uri)) return;
    seen.add(ref.uri);
    found.objects++;
    found.bytes += ref.bytes;
    if (!(await isWhole(lake, ref, { ...options, anew: true }))) say(`${ref.uri}, ${about}, is gone or altered`, mend);
  };
  const attempt = async <T>(work: () => Promise<T>, mend: Fault['mend']): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      // Only what is said of one thing; a store that is away is no finding.
      if (!isDamage(error)) throw error;
      say(error instanceof Error ? error.message : String(error), mend);
      return undefined;
    }
  };

  const state = await attempt(() => readPointer(lake.store, pipeline, options), 'refresh');
  if (state !== undefined) {
    for (const warning of state.warnings) say(warning, 'refresh');
    await examineShown(state);
    await examineChain(state.pointer);
  }
  const beside = await attempt(() => readHistory(lake.store, pipeline, options), 'retention');
  for (const { logicalTime, manifest } of beside ?? []) {
    const told = await attempt(() => readManifest(lake.store, { manifest }, options), 'retention');
    for (const output of told?.outputs ?? []) await look(`of the snapshot for ${logicalTime}`, output, 'retention');
  }
  const registry = await attempt(() => lake.store.read(registryKey(pipeline), options), 'refresh');
  if (registry?.warning !== undefined) say(registry.warning, 'refresh');
  for (const { version, onnx, card } of (await attempt(() => listModels(lake.store, pipeline, options), 'refresh')) ??
    [])
    for (const ref of [onnx, card]) await look(`of model ${version}`, ref, 'refresh');
  await examineResults(epochOf(state?.pointer));
  for (const { key } of await listRuns(lake.store, pipeline, options))
    await attempt(() => readRunAt(lake.store, key, options), 'retention');
  return found;

  /** The pointer as programs elsewhere see it. */
  async function examineShown({ pointer: { generation } }: PointerState): Promise<void> {
    const key = pointerKey(pipeline);
    // It follows a moment later when something is published: then a second look finds it in line.
    for (let look = 1; look <= 2; look++) {
      const state = await lake.store.read(key, options);
      const shown = await lake.store.get(key, options).catch((error: unknown) => {
        if (!isDamage(error)) throw error;
      });
      if (state !== undefined && shown !== undefined && Buffer.compare(shown, state.value) === 0) return;
    }
    say(`${key} does not show generation ${generation} as it was published`, 'refresh');
  }

  async function examineResults(epoch: number): Promise<void> {
    // Whoever would reuse it makes it again; nobody has to.
    const damaged = (place: string): void => say(`${place}, what a step left for reuse, was altered`, 'retention');
    for await (const { objects, ingredients } of resultsOf(lake, pipeline, epoch, { ...options, damaged }))
      for (const ref of objects) await look(`left by ${ingredients.step} for reuse`, ref, 'refresh');
  }

  async function examineChain(pointer: Pointer): Promise<void> {
    found.generation = pointer.generation;
    found.floor = floorOf(pointer);
    let at: SnapshotRef | null = pointer;
    for (let generation = pointer.generation; generation >= found.floor; generation--) {
      const mend = generation === pointer.generation ? 'refresh' : 'retention';
      const ref: SnapshotRef | null = at;
      if (ref === null) return say(`the chain of ${pipeline} ends before generation ${generation}`, mend);
      if (ref.generation !== generation)
        return say(`generation ${ref.generation} stands in the place of ${generation}`, mend);
      const told: Awaited<ReturnType<typeof toldOf>> | undefined = await attempt(
        () => toldOf(lake.store, ref, options),
        mend,
      );
      if (told === undefined) return say(`what stands before generation ${generation} cannot be found`, mend);
      if (told.warning !== undefined) say(told.warning, mend);
      const { manifest }: { manifest: Manifest } = told;
      for (const output of manifest.outputs) await look(`of generation ${generation}`, output, mend);
      for (const object of keptObjects(pipeline, pointer, { ref, manifest }))
        await look(`named by generation ${generation}`, object, mend);
      for (const batch of batchesOf(manifest))
        if (isKept(pipeline, pointer, batch.uri, generation))
          for (const file of (await attempt(() => readBatch(lake.store, batch, options), mend))?.files ?? [])
            await look(`of a source of generation ${generation}`, file, mend);
      at = manifest.predecessor;
    }
  }
}
