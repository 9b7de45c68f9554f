import { parseManifest } from './manifest.js';
import { listRuns } from './runs.js';
import type { CallOptions, ObjectStore } from './types.js';

/** How many of the latest runs are asked. */
const RUNS = 8;

/** Seconds that each step took when it ran, in the median of the latest runs that made it, by the step's id. */
export async function usualSeconds(
  store: ObjectStore,
  pipeline: string,
  options: CallOptions = {},
): Promise<Map<string, number>> {
  const all = new Map<string, number[]>();
  for (const { key } of await listRuns(store, pipeline, { ...options, limit: RUNS })) {
    const manifest = await store
      .get(key, options)
      .then((bytes) => parseManifest(bytes, key))
      // A damaged manifest costs an expectation, nothing more.
      .catch(() => undefined);
    for (const { id, seconds, reused } of manifest?.steps ?? [])
      if (!reused) all.set(id, [...(all.get(id) ?? []), seconds]);
  }
  return new Map([...all].map(([id, seconds]) => [id, seconds.sort((a, b) => a - b)[seconds.length >> 1] ?? 0]));
}
