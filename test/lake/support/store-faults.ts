import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fetchBytes, putArtifact } from '../../../lake/artifacts.js';
import { readCurrent } from '../../../lake/current.js';
import type { RemoteOptions } from '../../../lake/remote-store.js';
import { Scratch } from '../../../lake/scratch.js';
import type { ObjectStore } from '../../../lake/types.js';
import { type Fault, type FaultProxy, type Requested, seeded } from '../../support/fault-proxy.js';
import { publish } from './publishing.js';
import { withFolder } from './temporary.js';

const text = (value: string): Uint8Array => Buffer.from(value);
const plain = (value: Uint8Array | undefined): string => Buffer.from(value ?? []).toString();

/** What a test of faults is given: a store of its own whose requests pass the proxy. */
export interface Faulty {
  proxy: FaultProxy;
  makeStore(options?: RemoteOptions): ObjectStore;
}

/** Short, so that what is given up is given up soon. */
const HASTY: RemoteOptions = { windowMs: 3_000, requestMs: 300, pauseMs: 5, longestPauseMs: 100 };

/** The next request that `fits` meets with `fault`; those after it pass. */
function once(proxy: FaultProxy, fault: Fault, fits: (request: Requested) => boolean = () => true): void {
  proxy.decide = (request) => {
    if (!fits(request)) return undefined;
    proxy.decide = () => undefined;
    return fault;
  };
}

const isPut = ({ method }: Requested): boolean => method === 'PUT' || method === 'POST';
const firing = (proxy: FaultProxy, fault: Fault): number => proxy.fired.get(fault) ?? 0;

/** What a store on an object service does when that is in trouble. */
export function storeFaults(given: () => Faulty): void {
  const withStore = async (
    work: (store: ObjectStore, proxy: FaultProxy) => Promise<void>,
    options: RemoteOptions = HASTY,
  ): Promise<void> => {
    const { proxy, makeStore } = given();
    proxy.decide = () => undefined;
    const store = makeStore(options);
    try {
      await work(store, proxy);
    } finally {
      proxy.decide = () => undefined;
      store.close?.();
    }
  };

  it.each(['lost', 'internal', 'hang', 'reset', 'slowDown', 'conflict', 'slow'] as const)(
    'says that it created an object, and another writer that it exists, where the first answer is %s (F13–F15, F18)',
    (fault) =>
      withStore(async (store, proxy) => {
        const before = firing(proxy, fault);
        once(proxy, fault, isPut);
        expect(await store.putIfAbsent('x', text('ours'))).toBe('created');
        expect(firing(proxy, fault)).toBe(before + 1);
        once(proxy, fault, isPut);
        expect(await store.putIfAbsent('x', text('theirs'))).toBe('exists');
        expect(plain(await store.get('x'))).toBe('ours');
      }),
  );

  it.each(['lost', 'internal', 'hang', 'reset', 'slowDown', 'conflict', 'slow'] as const)(
    'says that it replaced an object, and another that it is changed, where the first answer is %s (P3)',
    (fault) =>
      withStore(async (store, proxy) => {
        await store.putIfAbsent('x', text('damaged'));
        const state = (await store.head('x'))?.state ?? '';
        const before = firing(proxy, fault);
        once(proxy, fault, isPut);
        expect(await store.replace('x', text('whole'), state)).toBe('replaced');
        expect(firing(proxy, fault)).toBe(before + 1);
        once(proxy, fault, isPut);
        expect(await store.replace('x', text('theirs'), state)).toBe('changed');
        expect(plain(await store.get('x'))).toBe('whole');
      }),
  );

  it('knows its own swap again where the answer was lost, and does not take another’s for it (P3)', () =>
    withStore(async (store, proxy) => {
      once(proxy, 'lost', isPut);
      const first = await store.swap('r', text('same'), undefined);
      expect(first).toBe('1');
      // Another writes the very same bytes while our request is dropped before it arrives.
      const rival = given().makeStore(HASTY);
      let rivals: Promise<unknown> | undefined;
      proxy.decide = (request) => {
        if (!isPut(request)) return undefined;
        proxy.decide = () => undefined;
        rivals = rival.swap('r', text('same'), first);
        return 'slowDown';
      };
      const ours = await store.swap('r', text('same'), first);
      expect([ours, await rivals].sort()).toEqual(['2', 'conflict']);
      rival.close?.();
    }));

  it('lets one of 32 creators win while a third of all requests go wrong, and tells each the truth (P2, P3)', () =>
    withStore(
      async (store, proxy) => {
        proxy.decide = seeded(5, { lost: 0.1, internal: 0.08, reset: 0.05, slowDown: 0.05, conflict: 0.05 });
        for (let round = 0; round < 4; round++) {
          const answers = await Promise.all(
            Array.from({ length: 32 }, (_, writer) => store.putIfAbsent(`a/${round}`, text(`writer ${writer}`))),
          );
          const winners = answers.flatMap((answer, writer) => (answer === 'created' ? [writer] : []));
          expect(winners).toHaveLength(1);
          expect(plain(await store.get(`a/${round}`))).toBe(`writer ${winners[0]}`);
        }
      },
      { ...HASTY, windowMs: 20_000 },
    ));

  it('reads on where a body was cut, never a torn or a short one (F17)', () =>
    withStore(
      (store, proxy) =>
        withFolder(async (folder) => {
          const bytes = randomBytes(900_000);
          await store.putIfAbsent('big', bytes);
          const before = firing(proxy, 'cut');
          proxy.decide = seeded(3, { cut: 0.5 });
          for (let i = 0; i < 10; i++) expect(Buffer.compare(await store.get('big'), bytes)).toBe(0);
          await store.download('big', join(folder, 'file'));
          expect(Buffer.compare(await readFile(join(folder, 'file')), bytes)).toBe(0);
          expect(firing(proxy, 'cut')).toBeGreaterThan(before + 10);
        }),
      { ...HASTY, rangeBytes: 200_000 },
    ));

  it('writes a large object in parts through lost answers, whole or not at all', () =>
    withStore(
      (store, proxy) =>
        withFolder(async (folder) => {
          const bytes = randomBytes(22 << 20);
          await writeFile(join(folder, 'file'), bytes);
          proxy.decide = seeded(11, { lost: 0.15, slowDown: 0.1, internal: 0.1 });
          expect(await store.putIfAbsent('large', { path: join(folder, 'file') })).toBe('created');
          expect(await store.putIfAbsent('large', { path: join(folder, 'file') })).toBe('exists');
          expect(Buffer.compare(await store.get('large'), bytes)).toBe(0);
        }),
      { ...HASTY, requestMs: 3_000, windowMs: 20_000, partBytes: 5 << 20 },
    ));

  it('copies a large object through lost answers, whole', () =>
    withStore(
      async (store, proxy) => {
        const bytes = randomBytes(17 << 20);
        await store.putIfAbsent('snapshots/a/big', bytes);
        proxy.decide = seeded(13, { lost: 0.2, slowDown: 0.1, internal: 0.1 });
        await store.alias?.('latest', 'snapshots/a');
        proxy.decide = () => undefined;
        expect(Buffer.compare(await store.get('latest/big'), bytes)).toBe(0);
      },
      { ...HASTY, requestMs: 3_000, windowMs: 20_000 },
    ));

  it('sends at most three times the requests where a third of them go wrong, and publishes whole (F14)', () =>
    withFolder(async (folder) => {
      const requestsOf = async (decide: FaultProxy['decide']): Promise<number> => {
        let requests = 0;
        await withStore(
          async (store, proxy) => {
            const scratch = await Scratch.open({ store, root: join(folder, 'scratch'), bytes: 1e6 });
            const before = proxy.requests;
            proxy.decide = decide;
            for (let minute = 0; minute < 4; minute++)
              expect(await publish({ store, scratch }, { run: `run-${minute}`, minute })).toMatchObject({
                outcome: 'published',
                generation: minute + 1,
                again: false,
              });
            requests = proxy.requests - before;
            proxy.decide = () => undefined;
            expect(await readCurrent(store, 'demo')).toMatchObject({ snapshot: { generation: 4 }, warnings: [] });
            await scratch.close();
          },
          { ...HASTY, windowMs: 20_000 },
        );
        return requests;
      };
      const calm = await requestsOf(() => undefined);
      const stormy = await requestsOf(seeded(17, { slowDown: 0.2, lost: 0.05, reset: 0.05, internal: 0.05 }));
      expect(stormy).toBeGreaterThan(calm);
      expect(stormy).toBeLessThanOrEqual(3 * calm);
    }));

  it('gives up a service that stays away with GR-5002, in bounded time and requests, and finds it again', () =>
    withStore(
      async (store, proxy) => {
        await proxy.away(true);
        const answers = await Promise.allSettled(
          Array.from({ length: 20 }, (_, i) => store.putIfAbsent(`away/${i}`, text('x'))),
        );
        for (const answer of answers) expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'GR-5002' } });
        const waiting = store.putIfAbsent('back', text('x'));
        await proxy.away(false);
        expect(await waiting).toBe('created');
      },
      { ...HASTY, windowMs: 1_500 },
    ));

  it('ends a call that waits for a service with the reason of its signal, at once', () =>
    withStore(async (store, proxy) => {
      proxy.decide = () => 'hang';
      const controller = new AbortController();
      const call = store.get('x', { signal: controller.signal });
      controller.abort(new Error('enough'));
      await expect(call).rejects.toThrow('enough');
    }));

  it('names an object that was altered in the store by its digest (P7)', () =>
    withStore(async (store) => {
      const ref = await putArtifact(store, 'lake/x', Buffer.from('good'), 'bin');
      await store.delete(ref.uri);
      await store.putIfAbsent(ref.uri, text('evil'));
      await expect(fetchBytes(store, ref)).rejects.toMatchObject({ code: 'GR-4005', where: [{ file: ref.uri }] });
    }));
}
