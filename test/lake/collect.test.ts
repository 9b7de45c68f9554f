import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { putArtifact, stands } from '../../lake/artifacts.js';
import { collect, planCollection } from '../../lake/collect.js';
import { readCurrent } from '../../lake/current.js';
import { inEpoch } from '../../lake/epoch.js';
import { examineLake } from '../../lake/fsck.js';
import type { Lake } from '../../lake/lake.js';
import { changeOverlay } from '../../lake/overlays.js';
import { readPointer } from '../../lake/pointer.js';
import type { Retention } from '../../lake/retention.js';
import { lookUp, recall, remember, reuseKey } from '../../lake/reuse.js';
import { findWayBack, rollBack } from '../../lake/rollback.js';
import type { Artifact } from '../../lake/types.js';
import { HOLD, publish } from './support/publishing.js';
import { withLake } from './support/temporary.js';

const DAY = 86_400_000;
const NOW = Date.parse('2026-06-01T00:00:00Z');
const RETENTION: Retention = {
  snapshots: { count: 2, age: 7 * DAY },
  runs: { count: 100, age: 7 * DAY },
  results: { age: 30 * DAY },
};
let ids = 0;
const given = (lake: Lake, retention = RETENTION) => ({
  lake,
  pipeline: 'demo',
  retention,
  now: NOW,
  id: `gc-${ids++}`,
});
const epochOf = async (lake: Lake): Promise<number> =>
  (await readPointer(lake.store, 'demo'))?.pointer.collection?.epoch ?? 0;

async function keysOf(lake: Lake, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of lake.store.list(prefix)) keys.push(key);
  return keys;
}

const ingredients = (step: string) => ({ step, code: 'c', packages: 'p', parameters: 'x', inputs: {} });

/** What a step leaves in the epoch that the pipeline is in. */
async function keep(lake: Lake, step: string): Promise<Artifact> {
  return inEpoch(await epochOf(lake), async () => {
    const object = await putArtifact(lake.store, 'lake/demo/features', Buffer.from(`rows of ${step}`), 'bin');
    await remember(lake, 'demo', ingredients(step), { objects: [object], result: { step } });
    return object;
  });
}

describe('a collection (S2.17, S3.18)', () => {
  it('lets go of snapshots beyond count and age, with what they alone name, and of nothing else (P4)', () =>
    withLake(async (lake, home) => {
      for (let minute = 1; minute <= 5; minute++) await publish(lake, { run: `run-${minute}`, minute });
      await lake.store.putIfAbsent('lake/demo/notes/mine.txt', Buffer.from('of people'));
      const before = await keysOf(lake, '');
      const planned = await planCollection(given(lake));
      expect(await keysOf(lake, '')).toEqual(before);
      expect(planned).toMatchObject({ floor: 4, generation: 5, snapshots: 2 });

      const done = await collect(given(lake));
      expect(done?.condemned).toEqual(planned?.condemned);
      const current = await readCurrent(lake.store, 'demo');
      expect(current).toMatchObject({ snapshot: { generation: 5 }, warnings: [] });
      expect((await readdir(join(home, 'outputs/demo/archive'))).map((name) => /-g(\d)-/.exec(name)?.[1])).toEqual([
        '4',
        '5',
      ]);
      expect(await keysOf(lake, 'lake/demo/notes/')).toEqual(['lake/demo/notes/mine.txt']);
      await expect(findWayBack(lake.store, 'demo', 3)).rejects.toMatchObject({ code: 'GR-4009' });
      expect((await findWayBack(lake.store, 'demo', 4)).target.generation).toBe(4);
    }));

  it('keeps snapshots that are young, however many', () =>
    withLake(async (lake) => {
      for (let minute = 1; minute <= 4; minute++) await publish(lake, { run: `run-${minute}`, minute });
      const age = NOW - Date.parse('2026-02-01T00:00:00Z');
      expect(await planCollection(given(lake, { ...RETENTION, snapshots: { count: 1, age } }))).toMatchObject({
        floor: 1,
      });
    }));

  it('keeps results of steps for later runs while they are young, and their objects', () =>
    withLake(async (lake) => {
      await publish(lake, { run: 'run-1', minute: 1 });
      const object = await keep(lake, 'features/a');
      const soon = { ...given(lake), now: Date.now() };
      await collect(soon);
      expect(await stands(lake.store, object)).toBe(true);
      const found = () => inEpochOf(lake, () => lookUp(lake, 'demo', reuseKey(ingredients('features/a'))));
      expect(await found()).toMatchObject({ result: { step: 'features/a' }, objects: [object] });
      await collect({ ...given(lake), now: Date.now() + 31 * DAY });
      expect(await found()).toBeUndefined();
      expect(await stands(lake.store, object)).toBe(false);
    }));

  it('tried again after it was killed, lets go of nothing that it had carried over (P4)', () =>
    withLake(async (lake) => {
      await publish(lake, { run: 'run-1', minute: 1 });
      const object = await keep(lake, 'features/a');
      await putArtifact(lake.store, 'lake/demo/features', Buffer.from('garbage'), 'bin');
      const soon = { ...given(lake), now: Date.now() };
      // Notes of the epoch that ended are gone when it dies, objects are not yet.
      const dying = Object.create(lake.store, {
        delete: {
          async value(key: string) {
            if (!key.includes('/state/keys/')) throw new Error('killed');
            await lake.store.delete(key);
          },
        },
      }) as Lake['store'];
      await expect(collect({ ...soon, lake: { ...lake, store: bound(dying, lake.store) } })).rejects.toThrow('killed');
      await collect(soon);
      expect(await stands(lake.store, object)).toBe(true);
      expect((await examineLake(lake, 'demo')).faults).toEqual([]);
    }));

  it('passes over what a step left for reuse where that was altered', () =>
    withLake(async (lake, home) => {
      await publish(lake, { run: 'run-1', minute: 1 });
      await keep(lake, 'features/a');
      const [place] = await keysOf(lake, 'lake/demo/state/keys/');
      await writeFile(join(home, place ?? ''), '{"version":1,');
      expect(await collect({ ...given(lake), now: Date.now() })).toMatchObject({ results: 0 });
    }));

  it('never gives a condemned name again: a collection that was frozen deletes nothing that is in use (F2)', () =>
    withLake(async (lake) => {
      await publish(lake, { run: 'run-1', minute: 1 });
      const garbage = await keep(lake, 'features/a');
      const { store, atDelete, thaw } = frozenAtDelete(lake, () => true);
      const late = { ...given(lake), now: Date.now() + 31 * DAY };
      const zombie = collect({ ...late, lake: { ...lake, store } });
      await atDelete;
      // Another has taken its place, and a run makes the very bytes anew that are condemned.
      await collect({ ...late, id: 'another' });
      const again = await keep(lake, 'features/a');
      expect(again.sha256).toBe(garbage.sha256);
      expect(again.uri).not.toBe(garbage.uri);
      thaw();
      await zombie;
      expect(await stands(lake.store, again)).toBe(true);
      expect((await readCurrent(lake.store, 'demo'))?.warnings).toEqual([]);
    }));

  it('tried again while an attempt that was given up still deletes, goes by its list, whatever was written since (P4)', () =>
    withLake(async (lake, home) => {
      await publish(lake, { run: 'run-1', minute: 1 });
      const object = await keep(lake, 'features/a');
      const [note = ''] = await keysOf(lake, 'lake/demo/state/keys/');
      const longAgo = new Date(Date.now() - 40 * DAY);
      await utimes(join(home, note), longAgo, longAgo);
      const input = { ...given(lake), now: Date.now() };
      const { store, atDelete, thaw } = frozenAtDelete(lake, (key) => key === object.uri);
      const zombie = collect({ ...input, lake: { ...lake, store } });
      await atDelete;
      // A run that was given up before all this wakes up, finds its object standing, and writes its result anew.
      await inEpoch(0, () => remember(lake, 'demo', ingredients('features/a'), { objects: [object], result: {} }));
      await collect(input);
      const made = await inEpochOf(lake, async () => {
        const known = await recall(lake, 'demo', reuseKey(ingredients('features/a')));
        return known?.objects[0] ?? (await keep(lake, 'features/a'));
      });
      const step = { id: 'features/a', stage: 'features', outputs: { made } };
      await inEpochOf(lake, () => publish(lake, { run: 'run-2', minute: 2, step }));
      thaw();
      await zombie;
      expect(await stands(lake.store, made)).toBe(true);
      expect((await examineLake(lake, 'demo')).faults).toEqual([]);
    }));

  it('deletes nothing once a later one has begun, whose list may be all that is left of both (P5)', () =>
    withLake(async (lake) => {
      for (let minute = 1; minute <= 4; minute++) await publish(lake, { run: `run-${minute}`, minute });
      const input = given(lake);
      let others = 0;
      const overtaken = Object.create(lake.store, {
        putIfAbsent: {
          async value(...call: Parameters<Lake['store']['putIfAbsent']>) {
            if (call[0].includes('/state/collections/') && others++ === 0) await collect(given(lake));
            return lake.store.putIfAbsent(...call);
          },
        },
      }) as Lake['store'];
      const late = collect({ ...input, lake: { ...lake, store: bound(overtaken, lake.store) } });
      await expect(late).rejects.toMatchObject({ code: 'GR-7002' });
      expect((await examineLake(lake, 'demo')).faults).toEqual([]);
    }));

  it('refuses the publication of a run that began before it (P5)', () =>
    withLake(async (lake) => {
      await publish(lake, { run: 'run-1', minute: 1 });
      await collect(given(lake));
      await expect(publish(lake, { run: 'run-2', minute: 2 })).rejects.toMatchObject({ code: 'GR-7002' });
      expect(await inEpochOf(lake, () => publish(lake, { run: 'run-3', minute: 3 }))).toMatchObject({ generation: 2 });
    }));

  it('refuses a rollback that it overtakes, and one to what it lets go', () =>
    withLake(async (lake) => {
      for (let minute = 1; minute <= 4; minute++) await publish(lake, { run: `run-${minute}`, minute });
      const way = await findWayBack(lake.store, 'demo', 1);
      await collect(given(lake));
      const back = rollBack({ lake, way, run: 'back', nonce: 'deadbeef', hold: HOLD });
      await expect(back).rejects.toMatchObject({ code: expect.stringMatching(/GR-(7001|400[45])/) });
      expect((await readCurrent(lake.store, 'demo'))?.snapshot.generation).toBe(4);
    }));

  it('deletes nothing where a manifest that stays cannot be read', () =>
    withLake(async (lake) => {
      for (let minute = 1; minute <= 4; minute++) await publish(lake, { run: `run-${minute}`, minute });
      const way = await findWayBack(lake.store, 'demo', 3);
      await lake.store.delete(way.target.manifest.uri);
      const before = await keysOf(lake, '');
      await expect(collect(given(lake))).rejects.toMatchObject({ code: 'GR-4004' });
      expect(await keysOf(lake, '')).toEqual(before);
    }));

  it('goes on where it was cut off, and finds nothing more to do when it is done', () =>
    withLake(async (lake) => {
      for (let minute = 1; minute <= 4; minute++) await publish(lake, { run: `run-${minute}`, minute });
      const input = given(lake);
      let deletes = 0;
      const dying = Object.create(lake.store, {
        delete: {
          async value(key: string) {
            if (++deletes > 3) throw new Error('killed');
            await lake.store.delete(key);
          },
        },
      }) as Lake['store'];
      await expect(collect({ ...input, lake: { ...lake, store: bound(dying, lake.store) } })).rejects.toThrow('killed');
      expect((await readCurrent(lake.store, 'demo'))?.warnings).toEqual([]);
      await collect(input);
      expect(await epochOf(lake)).toBe(1);
      expect((await planCollection(given(lake)))?.condemned).toEqual([]);
      expect((await readCurrent(lake.store, 'demo'))?.warnings).toEqual([]);
    }));

  it('keeps the files of a source of several, and mended rows that no run has read yet', () =>
    withLake(async (lake) => {
      const put = (text: string, kind: string): Promise<Artifact> =>
        putArtifact(lake.store, 'lake/demo/raw', Buffer.from(text), kind);
      const file = await put('a,b\n1,2\n', 'csv');
      const batch = await put(JSON.stringify({ version: 1, files: [{ name: 'x.csv', rows: 1, ...file }] }), 'json');
      const step = { id: 'ingest/x', stage: 'ingest', outputs: { 'raw:x': batch }, facts: { files: 1 } };
      await publish(lake, { run: 'run-1', minute: 1, step });
      const mended = await put('{"version":1,"rows":[]}', 'json');
      await changeOverlay(lake.store, 'demo', 'x', async () => mended);
      const lost = await put('of nobody', 'csv');

      const done = await collect(given(lake));
      expect(done?.condemned.map(({ key }) => key)).toContain(lost.uri);
      for (const kept of [file, batch, mended]) expect(await stands(lake.store, kept)).toBe(true);
      expect((await examineLake(lake, 'demo')).faults).toEqual([]);
      await lake.store.delete(file.uri);
      expect((await examineLake(lake, 'demo')).faults).toEqual([
        { text: expect.stringContaining(file.uri), mend: expect.any(String) },
      ]);
    }));
});

const inEpochOf = async <T>(lake: Lake, work: () => Promise<T>): Promise<T> => inEpoch(await epochOf(lake), work);

/** A lake's store whose first delete that `hangs` says hangs until it is thawed, as in a process that was stopped. */
function frozenAtDelete(lake: Lake, hangs: (key: string) => boolean) {
  let thaw = (): void => undefined;
  let arrive = (): void => undefined;
  const thawed = new Promise<void>((resolve) => {
    thaw = resolve;
  });
  const atDelete = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const slow = Object.create(lake.store, {
    delete: {
      async value(key: string) {
        if (hangs(key)) {
          arrive();
          await thawed;
        }
        await lake.store.delete(key);
      },
    },
  }) as Lake['store'];
  return { store: bound(slow, lake.store), atDelete, thaw };
}

/** The methods of a store with private fields, called on the store itself; those of `over` come first. */
function bound(over: Lake['store'], store: Lake['store']): Lake['store'] {
  return new Proxy(store, {
    get(target, name) {
      if (Object.hasOwn(over, name)) return over[name as keyof Lake['store']];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
}
