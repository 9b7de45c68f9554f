import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { collect } from '../../lake/collect.js';
import { type Lake, openLake } from '../../lake/lake.js';
import { type QueryInput, type QueryOutcome, runQuery } from '../../lake/query.js';
import { RemoteStore } from '../../lake/remote-store.js';
import { findWayBack, rollBack } from '../../lake/rollback.js';
import { S3Bucket } from '../../lake/s3-bucket.js';
import { needs } from '../support/needs.js';
import { startObjectServer, TEST_KEYS } from '../support/object-server.js';
import { HOLD, publishTables } from './support/publishing.js';
import { withFolder, withLake } from './support/temporary.js';

type Asked = Partial<Omit<QueryInput, 'lake' | 'sql'>>;

/** A query's rows as a program reads them, and what is told of them. */
async function ask(lake: Lake, sql: string, asked: Asked = {}) {
  const input = { lake, pipeline: 'demo', sql, format: 'jsonl', ...asked } as const;
  return runQuery(input, async (outcome: QueryOutcome, path) => {
    const lines = (await readFile(path, 'utf8')).split('\n').filter(Boolean);
    const rows = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    return { ...outcome, generation: outcome.snapshot.ref.generation, rows };
  });
}

const failure = (lake: Lake, sql: string, asked?: Asked) =>
  ask(lake, sql, asked).then(
    () => {
      throw new Error(`${sql} was taken`);
    },
    (error: unknown) => error,
  );

/** Two tables that hold the number of their publication and nothing else. */
const numbered = (lake: Lake, minute: number, pipeline?: string) =>
  publishTables(
    lake,
    {
      left: `select ${minute} as made, i from range(10) t(i)`,
      Right: `select ${minute} as made, i from range(20) t(i)`,
    },
    { minute, ...(pipeline !== undefined && { pipeline }) },
  );

const MADE = 'select made, count(*) as n from (from "left" union all from "Right") group by made';

const goBack = async (lake: Lake, to?: number) => {
  const way = await findWayBack(lake.store, 'demo', to);
  return rollBack({
    lake,
    way,
    run: `back-${way.target.generation}`,
    nonce: Math.random().toString(16).slice(2, 12).padEnd(8, '0'),
    hold: HOLD,
  });
};

/** A lake, and the same one as another process sees it, without local copies of what the first one made. */
const withLakes = (work: (lake: Lake, reader: Lake) => Promise<void>) =>
  withLake(async (lake, home) => {
    const reader = await openLake({ home, scratchBytes: 1 << 28, memoryLimit: '512MB', threads: 2 });
    await work(lake, reader).finally(() => reader.close());
  });

const KEEP_ONE = { snapshots: { count: 1, age: 0 }, runs: { count: 1, age: 0 }, results: { age: 0 } };
const keepOne = (lake: Lake, id: string) =>
  collect({ lake, pipeline: 'demo', retention: KEEP_ONE, now: Date.parse('2030-01-01'), id });

describe('a query (S3.2)', () => {
  it('reads the tables of the current snapshot by the names of their outputs, in upper or lower case', () =>
    withLake(async (lake) => {
      await numbered(lake, 1);
      await numbered(lake, 2);
      const all = await ask(lake, `${MADE};`);
      expect(all).toMatchObject({ generation: 2, rows: [{ made: 2, n: 30 }], cut: false });
      expect(all.columns).toEqual([
        { name: 'made', type: 'INTEGER' },
        { name: 'n', type: 'BIGINT' },
      ]);
      expect((await ask(lake, 'with r as (from "LEFT") select sum(i) s from r -- all of it')).rows).toEqual([
        { s: 45 },
      ]);
      expect((await ask(lake, 'describe "left"')).rows).toHaveLength(2);
    }));

  it('reads the snapshot of a generation, a folder, or a time; a day stands for all of it', () =>
    withLake(async (lake) => {
      const folders: string[] = [];
      for (const minute of [10, 20, 30]) {
        const { snapshot } = await numbered(lake, minute);
        folders.push(snapshot.snapshot);
      }
      const generation = async (asOf: string) => (await ask(lake, MADE, { asOf })).rows[0]?.made;
      expect(await generation('1')).toBe(10);
      expect(await generation('g2')).toBe(20);
      expect(await generation('previous')).toBe(20);
      expect(await generation(folders[0] ?? '')).toBe(10);
      expect(await generation('2026-01-01T00:19:59Z')).toBe(10);
      expect(await generation('2026-01-01T00:20Z')).toBe(20);
      expect(await generation('2026-01-01 00:29')).toBe(20);
      expect(await generation('20260101T003000Z')).toBe(30);
      expect(await generation('2026-01-01T02:25:00+02:00')).toBe(20);
      expect(await generation('2026-01-01')).toBe(30);
      expect(await failure(lake, MADE, { asOf: '2025-12-31' })).toMatchObject({
        code: 'GR-4010',
        message: expect.stringContaining('are 3 (2026-01-01T00:30:00.000Z), 2 ('),
      });
      expect(await failure(lake, MADE, { asOf: '7' })).toMatchObject({ code: 'GR-4010' });
      expect(await failure(lake, MADE, { pipeline: 'other' })).toMatchObject({ code: 'GR-4003' });
    }));

  it('sees a rollback as the correction of the time that it left (S2.23)', () =>
    withLake(async (lake) => {
      for (const minute of [10, 20, 30]) await numbered(lake, minute);
      await goBack(lake, 1);
      const made = async (asOf: string) => {
        const { generation, rows } = await ask(lake, MADE, { asOf });
        return [generation, rows[0]?.made];
      };
      expect(await made('current')).toEqual([4, 10]);
      expect(await made('2026-01-01T00:30Z')).toEqual([4, 10]);
      expect(await made('2026-01-01T00:25Z')).toEqual([2, 20]);
      expect(await made('3')).toEqual([3, 30]);
    }));

  it('takes one statement that reads, and nothing that leaves the snapshot', () =>
    withLake(async (lake) => {
      await numbered(lake, 1);
      for (const sql of [
        '',
        ' ; ',
        'select 1; select 2',
        'create table x as select 1',
        "copy (from 'left') to 'x.csv'",
        'drop view "left"',
        'set threads = 4',
        'select $1',
        "attach 'x.db'",
        'explain select 1',
      ])
        expect(await failure(lake, sql)).toMatchObject({ code: 'GR-1007' });
      for (const sql of [
        "select * from read_csv('/etc/passwd')",
        "from '/etc/passwd'",
        "select * from read_text('https://example.org/')",
        "select * from glob('/*')",
        'install httpfs',
        'from sqlite_scan(1, 2)',
      ])
        expect(await failure(lake, sql)).toMatchObject({ code: expect.stringMatching(/^GR-(1007|4012)$/) });
      expect((await ask(lake, MADE)).rows).toEqual([{ made: 1, n: 30 }]);
    }));

  it('says where the SQL is wrong, by line and column, and which tables there are', () =>
    withLake(async (lake) => {
      await numbered(lake, 1);
      const at = async (sql: string) => ((await failure(lake, sql)) as { where: unknown[] }).where[0];
      expect(await at('select made,\n  nope\nfrom "left"')).toEqual({
        file: 'query',
        line: 2,
        column: 3,
        note: 'nope',
      });
      expect(await at(`select ${'made, '.repeat(60)}nope from "left"`)).toMatchObject({ line: 1, column: 368 });
      expect(await at('selec 1')).toMatchObject({ line: 1, column: 1 });
      expect(await failure(lake, 'from tracts')).toMatchObject({
        code: 'GR-4012',
        message: 'no such table in the snapshot: `tracts`; there are left, Right',
      });
      expect(await failure(lake, 'select cast(\'x\' as integer) from "left"')).toMatchObject({ code: 'GR-1007' });
    }));

  it('says that there are more rows than were asked for, and keeps their order', () =>
    withLake(async (lake) => {
      await publishTables(lake, { t: 'select i from range(300000) t(i)' }, { minute: 1 });
      const sql = 'select i from t order by i desc';
      expect(await ask(lake, sql, { limit: 3 })).toMatchObject({
        cut: true,
        rows: [{ i: 299_999 }, { i: 299_998 }, { i: 299_997 }],
      });
      expect(await ask(lake, 'select i from t where i < 3', { limit: 3 })).toMatchObject({ cut: false });
      expect(await ask(lake, 'from t', { limit: 0 })).toMatchObject({ cut: true, rows: [] });
      const { rows } = await ask(lake, sql);
      expect(rows).toHaveLength(300_000);
      expect(rows.every(({ i }, at) => i === 299_999 - at)).toBe(true);
    }));

  it('gives what JSON has no word for as null or text', () =>
    withLake(async (lake) => {
      const select = `select 9007199254740993::bigint wide, -9007199254740991::bigint safe, 'nan'::double nan, 'inf'::float inf,
        18446744073709551615::ubigint most, 170141183460469231731687303715884105727::hugeint huge, timestamp '2026-01-01 00:00:00.5' at_,
        null::varchar as missing_, [1, 2] as listed, {'a': 1} as pair, 1.5::decimal(9, 3) as exact, '2026-01-02'::date as day`;
      await publishTables(lake, { t: 'select 1 as one' }, { minute: 1 });
      expect((await ask(lake, select)).rows).toEqual([
        {
          ...{ wide: '9007199254740993', safe: -9007199254740991, nan: null, inf: null, most: '18446744073709551615' },
          ...{ huge: '170141183460469231731687303715884105727', at_: '2026-01-01T00:00:00.500000Z', missing_: null },
          ...{ listed: [1, 2], pair: { a: 1 }, exact: 1.5, day: '2026-01-02' },
        },
      ]);
    }));

  it('can be interrupted', () =>
    withLake(async (lake) => {
      await numbered(lake, 1);
      const sql = 'select sum(a.i * b.i * c.i) s from range(100000) a(i), range(100000) b(i), range(1000) c(i)';
      const signal = AbortSignal.timeout(300);
      const input = { lake, pipeline: 'demo', sql, format: 'jsonl' } as const;
      await expect(runQuery(input, async () => undefined, { signal })).rejects.toThrow(/timeout|abort/i);
    }));

  it('reads one whole snapshot, or says that it is gone, when a collection overtakes it', () =>
    withLakes(async (lake, reader) => {
      /** The lake as a query sees it that is overtaken when it has its first table. */
      const overtaken = (id: string): Lake => {
        let open = true;
        const scratch = new Proxy(reader.scratch, {
          get(target, key) {
            const value = Reflect.get(target, key, target) as unknown;
            if (key !== 'hold') return typeof value === 'function' ? value.bind(target) : value;
            return async (...of: Parameters<typeof target.hold>) => {
              const held = await target.hold(...of);
              if (open) {
                open = false;
                await numbered(lake, 40);
                await keepOne(lake, id);
              }
              return held;
            };
          },
        });
        return { ...reader, scratch };
      };
      for (const minute of [10, 20, 30]) await numbered(lake, minute);
      expect(await failure(overtaken('a'), MADE, { asOf: '2' })).toMatchObject({ code: 'GR-4010' });
      expect((await ask(lake, MADE)).rows).toEqual([{ made: 40, n: 30 }]);
      expect((await ask(overtaken('b'), MADE)).rows).toEqual([{ made: 40, n: 30 }]);
    }));

  it('never reads a mixture while others publish, go back and collect', () =>
    withLakes(async (lake, reader) => {
      await numbered(lake, 1);
      let publishing = true;
      let looks = 0;
      const others = (async () => {
        for (let minute = 2; minute <= 12; minute++) {
          await numbered(lake, minute);
          if (minute % 4 === 0) await keepOne(lake, `c${minute}`);
        }
      })().finally(() => {
        publishing = false;
      });
      for (; publishing; looks++) {
        const { rows } = await ask(reader, MADE);
        expect(rows).toMatchObject([{ n: 30 }]);
      }
      await others;
      expect(looks).toBeGreaterThan(3);
    }));
});

needs('store').describe('a query on a bucket', () => {
  it('reads the snapshot of any kept generation', () =>
    withFolder(async (home) => {
      Object.assign(process.env, TEST_KEYS);
      const root = await mkdtemp(join(tmpdir(), 'georefresh-s3-'));
      const server = await startObjectServer(root);
      const store = new RemoteStore(new S3Bucket(server.bucket, { endpoint: server.endpoint }), 'lake');
      const lake = await openLake({ home, store, scratchBytes: 1 << 28, memoryLimit: '512MB', threads: 2 });
      try {
        await numbered(lake, 1);
        await numbered(lake, 2);
        expect((await ask(lake, MADE)).rows).toEqual([{ made: 2, n: 30 }]);
        expect((await ask(lake, MADE, { asOf: '1' })).rows).toEqual([{ made: 1, n: 30 }]);
      } finally {
        await lake.close();
        store.close();
        await server.stop();
        await rm(root, { recursive: true, force: true });
      }
    }));
});
