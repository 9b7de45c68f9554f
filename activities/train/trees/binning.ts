import { GeorefreshError } from '../../../config/errors.js';
import * as L from '../assembly/layout.js';
import type { Feature } from '../learner.js';
import type { KernelMemory } from './memory.js';
import type { Crew } from './threads.js';

/** Levels of a category at most. */
export const MOST_LEVELS = 255;
/** Whole numbers up to here are told apart in float32. */
export const WHOLE = 2 ** 24;

/**
 * Puts every feature into bins, several at a time, and the bins into panels. A thread holds the values of one feature at once.
 *
 * @returns the levels of each categorical feature, in ascending order; empty for numbers
 */
export async function binFeatures(
  memory: KernelMemory,
  crew: Crew,
  features: readonly Feature[],
): Promise<Float32Array[]> {
  const rows = features[0]?.values.length ?? 0;
  const levels: Float32Array[] = new Array(features.length);
  const queue = features.entries();
  const work = async (thread: number): Promise<void> => {
    const stage = memory.stage + thread * memory.stageBytes;
    const values = new Float32Array(memory.memory.buffer, stage, rows);
    for (const [f, feature] of queue) {
      levels[f] = new Float32Array(0);
      if (feature.categorical === true) levels[f] = binLevels(memory, f, feature);
      else {
        values.set(feature.values);
        await crew.call(thread, 'binNumbers', f, stage, stage + rows * 4);
      }
    }
  };
  await Promise.all(Array.from({ length: crew.size }, (_, thread) => work(thread)));
  setOffsets(memory, features.length);
  const share = (thread: number): number => Math.floor((rows * thread) / crew.size);
  await Promise.all(Array.from({ length: crew.size }, (_, t) => crew.call(t, 'fillPanels', share(t), share(t + 1))));
  return levels;
}

/** Bins of a category: the places of its levels; missing ones stand behind the last. */
function binLevels(memory: KernelMemory, f: number, { name, values }: Feature): Float32Array {
  const places = new Map<number, number>();
  for (const value of values) {
    if (Number.isNaN(value) || places.has(value)) continue;
    if (places.size === MOST_LEVELS) {
      throw new GeorefreshError('GR-3002', `feature ${name} has more than ${MOST_LEVELS} levels`);
    }
    if (!Number.isInteger(value) || Math.abs(value) >= WHOLE) {
      throw new GeorefreshError(
        'GR-3002',
        `feature ${name} has the level ${value}, and levels are whole numbers below ${WHOLE}`,
      );
    }
    places.set(value, 0);
  }
  const levels = Float32Array.from(places.keys()).sort();
  for (const [place, level] of levels.entries()) places.set(level, place);
  const bins = memory.bytes(L.A_BINS, values.length, f * values.length);
  for (let row = 0; row < values.length; row++) bins[row] = places.get(values[row] as number) ?? levels.length;
  memory.ints(L.A_BIN_COUNT, f + 1)[f] = levels.length;
  memory.bytes(L.A_KIND, f + 1)[f] = 1;
  return levels;
}

/** Where each feature's bins start in a histogram. */
function setOffsets(memory: KernelMemory, features: number): void {
  const counts = memory.ints(L.A_BIN_COUNT, features);
  const offsets = memory.ints(L.A_HIST_OFFSET, features);
  let entries = 0;
  for (let f = 0; f < features; f++) {
    offsets[f] = entries;
    entries += (counts[f] as number) + 1;
  }
  memory.set(L.HIST_ENTRIES, entries);
}
