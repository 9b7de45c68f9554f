import { codeOf } from '../config/errors.js';
import type { ObjectStore } from './types.js';

/** Errors that mean damage of one object; others (store unreachable, access refused) say nothing about it. */
const DAMAGE: ReadonlySet<string> = new Set(['GR-4004', 'GR-4005', 'GR-4006']);

export const isDamage = (error: unknown): boolean => DAMAGE.has(codeOf(error));

interface Known {
  /** Objects that were found whole, by their key and what the store told of them then. */
  whole: Map<string, string>;
  /** Those of which other bytes were read since. */
  doubted: Set<string>;
}

const stores = new WeakMap<ObjectStore, Known>();

/** One takes about 200 bytes. */
const REMEMBERED = 100_000;

function knownOf(store: ObjectStore): Known {
  const known = stores.get(store) ?? { whole: new Map(), doubted: new Set() };
  stores.set(store, known);
  return known;
}

/** Whether this process found the object whole when the store told the same of it. */
export const knowsWhole = (store: ObjectStore, key: string, state: string): boolean =>
  knownOf(store).whole.get(key) === state;

/** Notes that an object was read and found whole. */
export function noteWhole(store: ObjectStore, key: string, state: string): void {
  const { whole, doubted } = knownOf(store);
  doubted.delete(key);
  whole.set(key, state);
  for (const oldest of whole.keys()) {
    if (whole.size <= REMEMBERED) break;
    whole.delete(oldest);
  }
}

/** Notes that somebody read other bytes than an object's name says: it is read again before anybody counts on it. */
export function doubt(store: ObjectStore, key: string): void {
  const { whole, doubted } = knownOf(store);
  whole.delete(key);
  if (doubted.size < REMEMBERED) doubted.add(key);
}

/** Whether an object is doubted, and was not found whole since. */
export const isDoubted = (store: ObjectStore, key: string): boolean => knownOf(store).doubted.has(key);
