import type { Source } from '../../../config/definition/source.js';
import { LOOKED_AT, pastSources } from '../../../lake/quality.js';
import { latestManifests } from '../../../lake/runs.js';
import type { CallOptions, ObjectStore } from '../../../lake/types.js';

/** Rows that a source had in its latest published runs, as far as its contract asks for them. */
export async function pastRows(
  store: ObjectStore,
  pipeline: string,
  name: string,
  { volume }: Source,
  options: CallOptions = {},
): Promise<number[]> {
  if (volume === undefined) return [];
  const manifests = await latestManifests(store, pipeline, { ...options, limit: volume.runs * LOOKED_AT });
  return (pastSources(manifests, volume.runs).get(name) ?? []).map(({ rows }) => rows);
}
