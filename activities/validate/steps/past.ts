import type { Source } from '../../../config/definition/source.js';
import { listRuns, readRun } from '../../../lake/runs.js';
import type { CallOptions, ObjectStore } from '../../../lake/types.js';

/** Manifests that are looked at for each that is wanted: failed runs tell nothing of what is usual. */
const LOOKED_AT = 3;

/** Rows that a source had in its latest published runs, as far as its contract asks for them. */
export async function pastRows(
  store: ObjectStore,
  pipeline: string,
  name: string,
  { volume }: Source,
  options: CallOptions = {},
): Promise<number[]> {
  if (volume === undefined) return [];
  const found: number[] = [];
  for (const { run } of await listRuns(store, pipeline, { ...options, limit: volume.runs * LOOKED_AT })) {
    if (found.length === volume.runs) break;
    const manifest = await readRun(store, pipeline, run, options).catch(() => undefined);
    const rows =
      manifest?.outcome === 'published' ? manifest.sources.find((one) => one.name === name)?.rows : undefined;
    if (rows !== undefined) found.push(rows);
  }
  return found;
}
