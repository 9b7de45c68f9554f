import { codeOf } from '../config/errors.js';
import { batchesOf, readBatch } from './batch.js';
import { readManifest } from './current.js';
import type { Lake } from './lake.js';
import type { Manifest } from './manifest.js';
import { listModels } from './models.js';
import { type Pointer, readPointer, type SnapshotRef } from './pointer.js';
import { floorOf, isKept, keptObjects } from './reachable.js';
import { listRuns, readRun } from './runs.js';
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
  /** In words, each with the name of what it is about; empty where all is whole. */
  faults: string[];
}

/**
 * Reads all that is kept of a pipeline and compares it with its digests: the pointer, the snapshots from the current one
 * down to the oldest that is kept, without a gap, their files and what they name in the lake, models, manifests of runs.
 * Changes nothing, and goes on after a fault.
 */
export async function examineLake(
  lake: Pick<Lake, 'store' | 'scratch'>,
  pipeline: string,
  options: CallOptions = {},
): Promise<Examined> {
  const found: Examined = { pipeline, generation: 0, floor: 0, objects: 0, bytes: 0, faults: [] };
  const seen = new Set<string>();
  const look = async (about: string, ref: Artifact): Promise<void> => {
    if (seen.has(ref.uri)) return;
    seen.add(ref.uri);
    found.objects++;
    found.bytes += ref.bytes;
    const whole = await isWhole(lake, ref, { ...options, anew: true });
    if (!whole) found.faults.push(`${ref.uri}, ${about}, is gone or altered`);
  };
  const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      // Only what is said of one thing; a store that is away is no finding.
      if (!['GR-4004', 'GR-4005', 'GR-4006'].includes(codeOf(error))) throw error;
      found.faults.push(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  };

  const state = await attempt(() => readPointer(lake.store, pipeline, options));
  if (state !== undefined) {
    found.faults.push(...state.warnings);
    await examineChain(state.pointer);
  }
  for (const { version, onnx, card } of (await attempt(() => listModels(lake.store, pipeline, options))) ?? [])
    for (const ref of [onnx, card]) await look(`of model ${version}`, ref);
  for (const { run } of await listRuns(lake.store, pipeline, options))
    await attempt(() => readRun(lake.store, pipeline, run, options));
  return found;

  async function examineChain(pointer: Pointer): Promise<void> {
    found.generation = pointer.generation;
    found.floor = floorOf(pointer);
    let at: SnapshotRef | null = pointer;
    for (let generation = pointer.generation; generation >= found.floor; generation--) {
      const ref: SnapshotRef | null = at;
      if (ref === null) {
        found.faults.push(`the chain of ${pipeline} ends before generation ${generation}`);
        return;
      }
      if (ref.generation !== generation) {
        found.faults.push(`generation ${ref.generation} stands in the place of ${generation}`);
        return;
      }
      const manifest: Manifest | undefined = await attempt(() => readManifest(lake.store, ref, options));
      if (manifest === undefined) {
        found.faults.push(`what stands before generation ${generation} cannot be found`);
        return;
      }
      for (const output of manifest.outputs) await look(`of generation ${generation}`, output);
      for (const object of keptObjects(pipeline, pointer, { ref, manifest }))
        await look(`named by generation ${generation}`, object);
      for (const ref of batchesOf(manifest))
        if (isKept(pipeline, pointer, ref.uri, generation))
          for (const file of (await attempt(() => readBatch(lake.store, ref, options)))?.files ?? [])
            await look(`of a source of generation ${generation}`, file);
      at = manifest.predecessor;
    }
  }
}
