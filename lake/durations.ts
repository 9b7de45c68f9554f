import type { Manifest } from './manifest.js';

/** How many of the latest runs are asked. */
export const USUAL_RUNS = 8;

/** Seconds that each step took when it ran, in the median of the runs that made it, by the step's id. */
export function usualSeconds(manifests: readonly Manifest[]): Map<string, number> {
  const all = new Map<string, number[]>();
  for (const { steps } of manifests.slice(0, USUAL_RUNS))
    for (const { id, seconds, reused } of steps) if (!reused) all.set(id, [...(all.get(id) ?? []), seconds]);
  return new Map([...all].map(([id, seconds]) => [id, seconds.sort((a, b) => a - b)[seconds.length >> 1] ?? 0]));
}
