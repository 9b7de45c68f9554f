import type { Manifest } from './manifest.js';

/** Manifests that are looked at for each that is wanted: failed runs tell nothing of what is usual. */
export const LOOKED_AT = 3;

/** What an earlier run found of a source. */
export interface PastSource {
  /** ISO 8601. */
  logicalTime: string;
  rows: number;
  /** Rows that broke the contract. */
  failed: number;
}

/** What published runs found of each source, in the order of their manifests, of at most `runs` of them. */
export function pastSources(manifests: readonly Manifest[], runs: number): Map<string, PastSource[]> {
  const all = new Map<string, PastSource[]>();
  const published = manifests.filter(({ outcome }) => outcome === 'published').slice(0, runs);
  for (const { logicalTime, sources, steps } of published)
    for (const { name, rows } of sources) {
      const judged = steps.find(({ id }) => id === `validate/${name}`);
      const failed = judged === undefined ? 0 : Math.max(0, judged.rowsIn - judged.rowsOut);
      all.set(name, [...(all.get(name) ?? []), { logicalTime, rows, failed }]);
    }
  return all;
}
