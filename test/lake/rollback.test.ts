import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCurrent } from '../../lake/current.js';
import type { Lake } from '../../lake/lake.js';
import { readPointer } from '../../lake/pointer.js';
import { releaseHold } from '../../lake/release.js';
import { findWayBack, rollBack } from '../../lake/rollback.js';
import { readRun } from '../../lake/runs.js';
import { Scratch } from '../../lake/scratch.js';
import type { ObjectStore } from '../../lake/types.js';
import { startReader } from '../support/reader.js';
import { faultsOf } from '../support/snapshots.js';
import { HOLD, publish } from './support/publishing.js';
import { withLake } from './support/temporary.js';

let nonces = 0x20000000;

type Parts = Pick<Lake, 'store' | 'scratch'>;

/** Goes back, as the client does. */
async function goBack(lake: Parts, to?: number | string, run = `back-${nonces}`) {
  const way = await findWayBack(lake.store, 'demo', to);
  return rollBack({ lake, way, run, nonce: (nonces++).toString(16), hold: HOLD });
}

/** Publishes runs 1 … count, a minute apart; gives the folders of their snapshots. */
async function publishRuns(lake: Parts, count: number): Promise<string[]> {
  const folders: string[] = [];
  for (let n = 1; n <= count; n++)
    folders.push((await publish(lake, { run: `run-${n}`, minute: n })).snapshot.snapshot);
  return folders;
}

const shownIn = (home: string): Promise<string> => readFile(join(home, 'outputs/demo/latest/ranked.csv'), 'utf8');

describe('a rollback', () => {
  it('is a new generation with old content, held, and later runs end as held until it is released (S2.23)', () =>
    withLake(async (lake, home) => {
      await publishRuns(lake, 3);
      const pointer = await goBack(lake, undefined, 'back-1');
      expect(pointer).toMatchObject({
        generation: 4,
        run: 'back-1',
        hold: HOLD,
        predecessor: { generation: 3 },
        restored: { generation: 2, run: 'run-2' },
        // The pointer's time never goes back, so that no earlier run may publish after the release.
        logicalTime: '2026-01-01T00:03:00.000Z',
      });
      expect(await shownIn(home)).toBe('id\nrun-2\n');
      const current = await readCurrent(lake.store, 'demo');
      expect(current).toMatchObject({
        warnings: [],
        manifest: { run: 'back-1', generation: 4, logicalTime: '2026-01-01T00:02:00.000Z', trigger: 'rollback' },
      });
      expect(await readRun(lake.store, 'demo', 'back-1')).toEqual(current?.manifest);
      expect(await publish(lake, { run: 'run-9', minute: 9 })).toMatchObject({ outcome: 'held', generation: 4 });
      expect(await shownIn(home)).toBe('id\nrun-2\n');

      expect(await releaseHold(lake.store, 'demo')).toEqual(HOLD);
      expect(await releaseHold(lake.store, 'demo')).toBeNull();
      expect(await shownIn(home)).toBe('id\nrun-2\n');
      expect(await publish(lake, { run: 'run-0', minute: 2 })).toMatchObject({ outcome: 'superseded' });
      expect(await publish(lake, { run: 'run-9', minute: 9 })).toMatchObject({ outcome: 'published', generation: 5 });
      expect(await faultsOf(home, 'demo')).toEqual([]);
    }));

  it('goes one step further back each time, or to the generation or snapshot that is named', () =>
    withLake(async (lake, home) => {
      const folders = await publishRuns(lake, 4);
      expect((await goBack(lake)).restored?.generation).toBe(3);
      expect((await goBack(lake)).restored?.generation).toBe(2);
      expect((await goBack(lake, 4)).restored?.generation).toBe(4);
      const name = folders[0]?.split('/').at(-1);
      expect((await goBack(lake, name)).restored?.generation).toBe(1);
      expect(await shownIn(home)).toBe('id\nrun-1\n');
      // Generation 5 has the content of 3, and can itself be gone back to.
      expect((await goBack(lake, 5)).restored?.generation).toBe(5);
      expect(await shownIn(home)).toBe('id\nrun-3\n');
      expect(await faultsOf(home, 'demo')).toEqual([]);
    }));

  it('is refused where there is nothing to go back to', () =>
    withLake(async (lake) => {
      await expect(findWayBack(lake.store, 'demo')).rejects.toMatchObject({ code: 'GR-4003' });
      await expect(releaseHold(lake.store, 'demo')).rejects.toMatchObject({ code: 'GR-4003' });
      await publishRuns(lake, 2);
      for (const to of [2, 7, 'archive', ''])
        await expect(findWayBack(lake.store, 'demo', to)).rejects.toMatchObject({ code: 'GR-4009' });
      await goBack(lake);
      await expect(findWayBack(lake.store, 'demo')).rejects.toMatchObject({ code: 'GR-4009' });
    }));

  it('gives way where another was published since it looked', () =>
    withLake(async (lake, home) => {
      await publishRuns(lake, 2);
      const way = await findWayBack(lake.store, 'demo');
      await publish(lake, { run: 'run-3', minute: 3 });
      const late = rollBack({ lake, way, run: 'late', nonce: 'feed0001', hold: HOLD });
      await expect(late).rejects.toMatchObject({ code: 'GR-7001' });
      expect((await readPointer(lake.store, 'demo'))?.pointer).toMatchObject({ run: 'run-3', hold: null });
      expect(await shownIn(home)).toBe('id\nrun-3\n');
    }));

  it('moves nothing where a file of the target was altered (P7)', () =>
    withLake(async (lake, home) => {
      const [first = ''] = await publishRuns(lake, 2);
      await writeFile(join(home, first, 'ranked.csv'), 'id\nrun-X\n');
      // A process of its own, as the command is: it has no whole copy at hand.
      const scratch = await Scratch.open({ store: lake.store, root: join(home, 'other'), bytes: 1e6 });
      await expect(goBack({ store: lake.store, scratch })).rejects.toMatchObject({ code: 'GR-4005' });
      await scratch.close();
      expect((await readPointer(lake.store, 'demo'))?.pointer.generation).toBe(2);
    }));

  it('is followed to where it went, not to what it left, where its own snapshot is damaged', () =>
    withLake(async (lake, home) => {
      await publishRuns(lake, 3);
      const { snapshot } = await goBack(lake);
      await truncate(join(home, snapshot, 'ranked.csv'), 1);
      expect(await readCurrent(lake.store, 'demo')).toMatchObject({ manifest: { run: 'run-2' } });
    }));

  it('takes a lost answer for unknown, not failed (P3)', () =>
    withLake(async (lake) => {
      await publishRuns(lake, 2);
      const swap: ObjectStore['swap'] = async (...call) => {
        await lake.store.swap(...call);
        throw new Error('reply lost');
      };
      const lossy = new Proxy(lake.store, {
        get: (target, name) => {
          const own: unknown = name === 'swap' ? swap : Reflect.get(target, name);
          return typeof own === 'function' ? (own.bind(target) as unknown) : own;
        },
      });
      expect(await goBack({ store: lossy, scratch: lake.scratch })).toMatchObject({ generation: 3, hold: HOLD });
    }));

  it('shows readers the old snapshot or the new, never a mixture, also beside runs that publish (P2)', () =>
    withLake(async (lake, home) => {
      await publishRuns(lake, 2);
      const reader = startReader(home, 'demo');
      for (let n = 3; n < 9; n++) {
        const [outcome] = await Promise.allSettled([goBack(lake, 1), publish(lake, { run: `run-${n}`, minute: n })]);
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'GR-7001' });
        await releaseHold(lake.store, 'demo');
      }
      const { looks, torn } = await reader.stop();
      expect(torn).toEqual([]);
      expect(looks).toBeGreaterThan(0);
      expect((await readCurrent(lake.store, 'demo'))?.warnings).toEqual([]);
    }));
});
