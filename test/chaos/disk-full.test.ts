import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Activities } from '../../activities/index.js';
import { readCurrent } from '../../lake/current.js';
import { examineLake } from '../../lake/fsck.js';
import { temporaryFolder } from '../support/home.js';
import { type Bench, openBench, runPlan } from '../support/run-plan.js';
import { type SmallPipeline, smallFiles, writeSmallPipeline } from '../support/small-pipeline.js';
import { Sometimes } from '../support/sometimes.js';

const MB = 1 << 20;

type Of = 'bytes' | 'inodes';

/** Room that is left when a refresh begins, as shares of what one takes: then between what was too little and enough. */
const SHARES = [0, 0.02, 0.2, 0.5];
const MOST_REFRESHES = 16;

const mount = (...args: string[]): boolean => spawnSync('mount', args, { stdio: 'ignore' }).status === 0;

/** Why a file system of one's own cannot be had here; undefined where it can. */
function obstacle(): string | undefined {
  if (process.platform !== 'linux') return 'tmpfs is of Linux';
  if (process.getuid?.() !== 0) return 'only root may mount a tmpfs';
  return undefined;
}

/** A small file system, whose bounds can be moved while it is used. */
interface Disk {
  path: string;
  /** Leaves so much room, in bytes or inodes. */
  leave(room: number, of: Of): Promise<void>;
  /** What of it is taken. */
  taken(of: Of): Promise<number>;
  widen(): void;
}

async function mountDisk(): Promise<Disk> {
  const path = join(await temporaryFolder('disk'), 'disk');
  await mkdir(path);
  if (!mount('-t', 'tmpfs', '-o', 'size=256m,nr_inodes=100000', 'georefresh-test', path))
    throw new Error('the tmpfs cannot be mounted');
  onTestFinished(() => void spawnSync('umount', ['-l', path]));
  const bound = (options: string): void => {
    if (!mount('-o', `remount,${options}`, path)) throw new Error(`the tmpfs does not take ${options}`);
  };
  const disk: Disk = {
    path,
    async leave(room, of) {
      bound(`${of === 'bytes' ? 'size' : 'nr_inodes'}=${(await disk.taken(of)) + room}`);
    },
    async taken(of) {
      const { bsize, blocks, bfree, files, ffree } = await statfs(path);
      return of === 'bytes' ? (blocks - bfree) * bsize : files - ffree;
    },
    widen: () => bound(`size=${256 * MB},nr_inodes=100000`),
  };
  return disk;
}

/** Tells which step it was that failed. */
function watched(activities: Activities, failed: (step: string) => void): Activities {
  const entries = Object.entries(activities).map(([name, activity]) => [
    name,
    async (input: never) => {
      try {
        return await (activity as (input: never) => Promise<unknown>)(input);
      } catch (error) {
        failed((input as { step?: { id: string } }).step?.id ?? name);
        throw error;
      }
    },
  ]);
  return Object.fromEntries(entries) as Activities;
}

const because = obstacle();

describe.skipIf(because !== undefined)(`a disk that is full${because ? ` [skipped: ${because}]` : ''}`, () => {
  const faults = new Sometimes();
  let small: SmallPipeline;
  beforeAll(async () => {
    small = await writeSmallPipeline(await temporaryFolder());
  });
  afterAll(() => void process.stdout.write(`\n${faults.table()}\n`));

  test.each(['bytes', 'inodes'] as const)(
    'by %s ends a refresh with GR-5003, what is published stays whole, and the same refresh succeeds with room (F20)',
    { timeout: 300_000 },
    async (of) => {
      const disk = await mountDisk();
      const bench = await openBench({ home: disk.path, pipelines: [small.pipelines] });
      onTestFinished(() => bench.close());
      const refresh = (day: number, at: Pick<Bench, 'activities' | 'lake'> = bench) =>
        runPlan(at, {
          pipeline: small.name,
          inputs: small.inputs,
          run: `run-${day}`,
          logicalTime: new Date(Date.UTC(2026, 0, 1 + day)).toISOString(),
        });
      await refresh(0);
      faults.expect(`${of}: a step before publication`, `${of}: publication`);
      /** Gives each refresh something of its own to make. */
      const edit = (i: number): void =>
        writeFileSync(
          join(small.inputs, 'shops.csv'),
          `${smallFiles()['shops.csv']}${900 + i},${((i % 19) + 1) / 10},0.5\n`,
        );
      edit(0);
      const empty = await disk.taken(of);
      await refresh(1);
      const one = (await disk.taken(of)) - empty;
      let [tooLittle, enough] = [0, 4 * one];
      for (let i = 1; i <= SHARES.length || (faults.never().length > 0 && i <= MOST_REFRESHES); i++) {
        const share = SHARES[i - 1];
        const room = Math.floor(share === undefined ? (tooLittle + enough) / 2 : share * one);
        edit(i);
        const before = await readCurrent(bench.lake.store, small.name);
        await disk.leave(room, of);
        let step = '';
        const activities = watched(bench.activities, (failed) => {
          step ||= failed;
        });
        const outcome = await refresh(1 + i, { activities, lake: bench.lake }).then(
          ({ summary }) => summary.outcome,
          (error: { type?: string; message: string }) => `${error.type} ${error.message}`,
        );
        disk.widen();
        if (outcome === 'published') {
          faults.saw(`${of}: room enough`, `${room}`);
          enough = Math.min(enough, room);
          continue;
        }
        expect(outcome, `${room} ${of} left, ${step}`).toMatch(/^GR-5003 /);
        tooLittle = Math.max(tooLittle, room);
        const current = await readCurrent(bench.lake.store, small.name);
        expect(current?.warnings).toEqual([]);
        expect(current?.pointer.generation).toBe(before?.pointer.generation);
        expect((await examineLake(bench.lake, small.name)).faults).toEqual([]);
        const freed = performance.now();
        expect((await refresh(1 + i)).summary.outcome).toBe('published');
        const seconds = ((performance.now() - freed) / 1000).toFixed(1);
        const where = step.startsWith('publish/') ? `${of}: publication` : `${of}: a step before publication`;
        faults.saw(where, `${step}, published ${seconds} s after there was room`);
      }
      expect((await examineLake(bench.lake, small.name)).faults).toEqual([]);
      expect(faults.never()).toEqual([]);
    },
  );
});
