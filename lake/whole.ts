import { fetchFile } from './artifacts.js';
import { doubt, isDamage, knowsWhole, noteWhole } from './known.js';
import type { Lake } from './lake.js';
import type { Artifact, CallOptions } from './types.js';

/**
 * Whether an object stands and its bytes have its digest. They are read once a process; later looks only ask the store
 * whether the object is the one that was read. With `anew` they are read in any case.
 */
export async function isWhole(
  { store, scratch }: Pick<Lake, 'store' | 'scratch'>,
  ref: Artifact,
  { anew = false, ...options }: CallOptions & { anew?: boolean } = {},
): Promise<boolean> {
  const head = await store.head(ref.uri, options);
  if (head?.bytes !== ref.bytes) return false;
  const state = `${ref.sha256} ${head.state}`;
  if (!anew && knowsWhole(store, ref.uri, state)) return true;
  const copy = scratch.newFile('bin');
  try {
    await fetchFile(store, ref, copy, { ...options, link: true });
  } catch (error) {
    if (!isDamage(error)) throw error;
    doubt(store, ref.uri);
    return false;
  } finally {
    await scratch.discard(copy);
  }
  noteWhole(store, ref.uri, state);
  return true;
}
