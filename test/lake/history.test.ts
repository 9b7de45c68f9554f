import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { collect } from '../../lake/collect.js';
import { inEpoch } from '../../lake/epoch.js';
import { examineLake } from '../../lake/fsck.js';
import { readHistory } from '../../lake/history.js';
import { findKept } from '../../lake/kept.js';
import type { Lake } from '../../lake/lake.js';
import { readPointer } from '../../lake/pointer.js';
import { runQuery } from '../../lake/query.js';
import { publishTables } from './support/publishing.js';
import { withLake } from './support/temporary.js';

const archive = true;
const publish = (lake: Lake, minute: number, options: { archive?: boolean; run?: string; made?: number } = {}) =>
  publishTables(lake, { t: `select ${options.made ?? minute} as made` }, { minute, ...options });

const madeAt = (lake: Lake, asOf: string) =>
  runQuery({ lake, pipeline: 'demo', sql: 'from t', asOf, format: 'jsonl' }, async ({ snapshot }, path) => {
    const { made } = JSON.parse(await readFile(path, 'utf8')) as { made: number };
    return [snapshot.ref.generation, made];
  });
const minute = (of: number): string => `2026-01-01T00:${String(of).padStart(2, '0')}Z`;
const retention = (count: number) => ({
  snapshots: { count, age: 0 },
  runs: { count: 1, age: 0 },
  results: { age: 0 },
});
const collected = (lake: Lake, count: number, id: string) =>
  collect({ lake, pipeline: 'demo', retention: retention(count), now: Date.parse('2030-01-01'), id });

describe('the snapshot of an earlier time', () => {
  it('stands beside what is published, and never moves the pointer back', () =>
    withLake(async (lake) => {
      await publish(lake, 10);
      await publish(lake, 30);
      const before = await readPointer(lake.store, 'demo');
      expect(await publish(lake, 20)).toMatchObject({ outcome: 'superseded' });
      expect(await publish(lake, 20, { archive })).toMatchObject({ outcome: 'archived', generation: null });
      expect(await publish(lake, 5, { archive })).toMatchObject({ outcome: 'archived' });
      expect(await readPointer(lake.store, 'demo')).toEqual(before);
      expect(await madeAt(lake, 'current')).toEqual([2, 30]);
      expect(await madeAt(lake, 'previous')).toEqual([1, 10]);
      expect(await madeAt(lake, minute(40))).toEqual([2, 30]);
      expect(await madeAt(lake, minute(29))).toEqual([null, 20]);
      expect(await madeAt(lake, minute(19))).toEqual([1, 10]);
      expect(await madeAt(lake, minute(9))).toEqual([null, 5]);
      await expect(findKept(lake.store, 'demo', minute(4))).rejects.toMatchObject({
        code: 'GR-4010',
        message: expect.stringContaining('one beside (2026-01-01T00:20:00.000Z)'),
      });
      // For a later time it is a publication like any other.
      expect(await publish(lake, 50, { archive })).toMatchObject({ outcome: 'published', generation: 3 });
    }));

  it('is examined with what is published: a file of it that was altered, and its manifest, are named (P7)', () =>
    withLake(async (lake, home) => {
      await publish(lake, 30);
      await publish(lake, 20, { archive });
      const [entry] = await readHistory(lake.store, 'demo');
      expect((await examineLake(lake, 'demo')).faults).toEqual([]);
      for (const key of [`${entry?.snapshot}/t.parquet`, entry?.manifest.uri ?? '']) {
        const path = join(home, key);
        const good = await readFile(path);
        await rm(path);
        await writeFile(path, Buffer.from(good).fill(1, 8, 12));
        const { faults } = await examineLake(lake, 'demo');
        expect(faults).toEqual([{ text: expect.stringContaining(key), mend: 'retention' }]);
        await rm(path);
        await writeFile(path, good);
      }
    }));

  it('is entered once a run, and replaced by a later run for the same time', () =>
    withLake(async (lake) => {
      await publish(lake, 30);
      await publish(lake, 20, { archive, run: 'a', made: 1 });
      await publish(lake, 20, { archive, run: 'a', made: 2 });
      expect(await madeAt(lake, minute(20))).toEqual([null, 1]);
      await publish(lake, 20, { archive, run: 'b', made: 3 });
      expect(await madeAt(lake, minute(20))).toEqual([null, 3]);
      expect(await readHistory(lake.store, 'demo')).toHaveLength(1);
    }));

  it('several runs that end at once are all entered', () =>
    withLake(async (lake) => {
      await publish(lake, 50);
      await Promise.all([1, 2, 3, 4, 5].map((of) => publish(lake, of, { archive })));
      const times = (await readHistory(lake.store, 'demo')).map(({ logicalTime }) => logicalTime);
      expect(times).toEqual([1, 2, 3, 4, 5].map((of) => new Date(minute(of)).toISOString()));
    }));

  it('stays through collections as retention says, with all of its files', () =>
    withLake(async (lake) => {
      for (const of of [30, 40]) await publish(lake, of);
      for (const of of [1, 2, 3, 4]) await publish(lake, of, { archive });
      expect((await collected(lake, 2, 'a'))?.condemned.some(({ key }) => key.includes('-b0-'))).toBe(true);
      expect(await madeAt(lake, minute(4))).toEqual([null, 4]);
      expect(await madeAt(lake, minute(3))).toEqual([null, 3]);
      await expect(madeAt(lake, minute(2))).rejects.toMatchObject({ code: 'GR-4010' });
      await publish(lake, 5, { archive });
      expect(await madeAt(lake, minute(5))).toEqual([null, 5]);
      await collected(lake, 1, 'b');
      expect((await readHistory(lake.store, 'demo')).map(({ run }) => run)).toEqual(['run-5']);
      expect(await madeAt(lake, minute(39))).toEqual([null, 5]);
    }));

  it('of a run that a collection overtook is not entered (GR-7002)', () =>
    withLake(async (lake) => {
      await publish(lake, 30);
      await collected(lake, 1, 'a');
      const late = inEpoch(0, () => publishTables(lake, { t: 'select 1 as made' }, { minute: 2, archive, epoch: 0 }));
      await expect(late).rejects.toMatchObject({ code: 'GR-7002' });
      expect(await readHistory(lake.store, 'demo')).toEqual([]);
    }));
});
