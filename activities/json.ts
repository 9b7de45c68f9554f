import { fetchBytes } from '../lake/artifacts.js';
import type { Lake } from '../lake/lake.js';
import type { Artifact } from '../lake/types.js';

/** A JSON artifact that a step of ours wrote, its digest checked. */
export async function readJson<T>({ store }: Lake, ref: Artifact): Promise<T> {
  return JSON.parse(Buffer.from(await fetchBytes(store, ref)).toString('utf8')) as T;
}
