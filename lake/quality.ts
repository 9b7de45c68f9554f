import { parseManifest } from './manifest.js';
import { listRuns } from './runs.js';
import type { CallOptions, ObjectStore } from './types.js';

/** Manifests that are looked at for each that is wanted: failed runs tell nothing of what is usual. */
const LOOKED_AT = 3;

/** What an earlier run found of a source. */
export interface PastSource {
  /** ISO 8601. */
  logicalTime: string;
  rows: number;
  /** Rows that broke the contract. */
  failed: number;
}

/** What the latest published runs of a pipeline found of each source, latest first, of at most `runs` of them. */
export async function pastSources(
  store: ObjectStore,
  pipeline: string,
  { runs, ...options }: CallOptions & { runs: number },
): Promise<Map<string, PastSource[]>> {
  const all = new Map<string, PastSource[]>();
  let published = 0;
  for (const { key } of await listRuns(store, pipeline, { ...options, limit: runs * LOOKED_AT })) {
    if (published === runs) break;
    const manifest = await store
      .get(key, options)
      .then((bytes) => parseManifest(bytes, key))
      // A damaged manifest costs a point of comparison, nothing more.
      .catch(() => undefined);
    options.signal?.throwIfAborted();
    if (manifest?.outcome !== 'published') continue;
    published++;
    for (const { name, rows } of manifest.sources) {
      const judged = manifest.steps.find(({ id }) => id === `validate/${name}`);
      const failed = judged === undefined ? 0 : Math.max(0, judged.rowsIn - judged.rowsOut);
      all.set(name, [...(all.get(name) ?? []), { logicalTime: manifest.logicalTime, rows, failed }]);
    }
  }
  return all;
}
