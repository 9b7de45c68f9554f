import { GeorefreshError } from '../../../config/errors.js';
import { sha256Of } from '../../../lake/hashing.js';
import type { Body, ObjectStore, Registered, Version } from '../../../lake/types.js';

/** What may befall a call: nothing, an answer that is lost though the call was carried out, the end of who made it. */
export type Mishap = 'none' | 'lost' | 'crash';

/** Ends an actor as a kill does: nothing of it runs after the call that throws this. */
export class Killed extends Error {}

/** The bytes of a place that several actors share. */
export interface Place {
  objects: Map<string, Uint8Array>;
  registers: Map<string, { value: Uint8Array; state: number }>;
  /** How a register's states are told apart: each by a number of its own or, as a broken store does, by content. */
  versionOf(value: Uint8Array, state: number): Version;
}

export const emptyPlace = (versionOf: Place['versionOf'] = (_, state) => String(state)): Place => ({
  objects: new Map(),
  registers: new Map(),
  versionOf,
});

/** Bytes under a path that is none, for bodies that are given by path. */
const files = new Map<string, Uint8Array>();

/** A store in memory as one actor sees it: every call waits for `turn`, which also says what befalls it. */
export function memoryStore(place: Place, turn: (call: string) => Promise<Mishap>): ObjectStore {
  let dead = false;
  const call = async <T>(name: string, work: () => T): Promise<T> => {
    if (dead) throw new Killed();
    const mishap = await turn(name);
    if (mishap === 'crash') {
      dead = true;
      throw new Killed();
    }
    const answer = work();
    if (mishap === 'lost') throw new GeorefreshError('GR-5002', `the answer to ${name} was lost`);
    return answer;
  };
  const bytesOf = (body: Body): Uint8Array =>
    body instanceof Uint8Array ? body : (files.get(body.path) ?? Buffer.alloc(0));
  const got = (key: string): Uint8Array => {
    const found = place.objects.get(key);
    if (found === undefined) throw new GeorefreshError('GR-4004', key);
    return found;
  };
  return {
    base: 'memory:',
    uri: (key) => `memory:${key}`,
    putIfAbsent: (key, body) =>
      call(`put ${key}`, () => {
        if (place.objects.has(key)) return 'exists';
        place.objects.set(key, bytesOf(body));
        return 'created';
      }),
    get: (key) => call(`get ${key}`, () => got(key)),
    head: (key) =>
      call(`head ${key}`, () => {
        const found = place.objects.get(key);
        return found && { bytes: found.length, state: sha256Of(found) };
      }),
    replace: (key, body, state) =>
      call(`replace ${key}`, () => {
        const found = place.objects.get(key);
        if (found === undefined || sha256Of(found) !== state) return 'changed';
        place.objects.set(key, bytesOf(body));
        return 'replaced';
      }),
    download: (key, path) => call(`download ${key}`, () => void files.set(path, got(key))),
    async *list(prefix) {
      const keys = await call(`list ${prefix}`, () =>
        [...place.objects.keys()].filter((key) => key.startsWith(prefix)),
      );
      for (const key of keys.sort())
        yield { key, bytes: place.objects.get(key)?.length ?? 0, modified: new Date('2026-01-01T00:00:00Z') };
    },
    delete: (key) => call(`delete ${key}`, () => void place.objects.delete(key)),
    read: (key) =>
      call(`read ${key}`, (): Registered | undefined => {
        const found = place.registers.get(key);
        return found && { value: found.value, version: place.versionOf(found.value, found.state) };
      }),
    swap: (key, value, expected) =>
      call(`swap ${key}`, () => {
        const now = place.registers.get(key);
        if ((now && place.versionOf(now.value, now.state)) !== expected) return 'conflict';
        const state = (now?.state ?? 0) + 1;
        place.registers.set(key, { value, state });
        return place.versionOf(value, state);
      }),
  };
}

/** The part of a scratch folder that a publication needs. */
export const memoryScratch = (store: ObjectStore) => ({
  async use<T>(ref: { uri: string; sha256: string }, work: (path: string) => Promise<T>): Promise<T> {
    const path = `memory:${ref.sha256}`;
    const bytes = await store.get(ref.uri);
    if (sha256Of(bytes) !== ref.sha256) throw new GeorefreshError('GR-4005', ref.uri);
    files.set(path, bytes);
    return work(path);
  },
});
