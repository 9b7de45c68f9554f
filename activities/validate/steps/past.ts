import type { Source } from '../../../config/definition/source.js';
import { pastSources } from '../../../lake/quality.js';
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
  const past = await pastSources(store, pipeline, { ...options, runs: volume.runs });
  return (past.get(name) ?? []).map(({ rows }) => rows);
}
