import { codeOf } from '../config/errors.js';
import { fetchFile } from './artifacts.js';
import type { Lake } from './lake.js';
import type { Artifact, CallOptions, ObjectStore } from './types.js';

/** Objects that were found whole, by their key and what the store told of them then. */
const found = new WeakMap<ObjectStore, Map<string, string>>();

/** One takes about 200 bytes. */
const REMEMBERED = 100_000;

/** Forgets that an object was found whole: somebody read other bytes. */
export function doubt(store: ObjectStore, key: string): void {
  found.get(store)?.delete(key);
}

/**
 * Whether an object stands and its bytes have its digest. They are read once a process; later looks ask the store whether
 * the object is the one that was read, where it can tell, and only for its size where it can't. With `anew` they are
 * read in any case.
 */
export async function isWhole(
  { store, scratch }: Pick<Lake, 'store' | 'scratch'>,
  ref: Artifact,
  { anew = false, ...options }: CallOptions & { anew?: boolean } = {},
): Promise<boolean> {
  const head = await store.head(ref.uri, options);
  if (head?.bytes !== ref.bytes) return false;
  const state = `${ref.sha256} ${head.state ?? ''}`;
  const known = found.get(store) ?? new Map<string, string>();
  found.set(store, known);
  if (!anew && known.get(ref.uri) === state) return true;
  const copy = scratch.newFile('bin');
  try {
    await fetchFile(store, ref, copy, { ...options, link: true });
  } catch (error) {
    const code = codeOf(error);
    if (code === 'GR-4004' || code === 'GR-4005') return false;
    throw error;
  } finally {
    await scratch.discard(copy);
  }
  known.set(ref.uri, state);
  for (const oldest of known.keys()) {
    if (known.size <= REMEMBERED) break;
    known.delete(oldest);
  }
  return true;
}
