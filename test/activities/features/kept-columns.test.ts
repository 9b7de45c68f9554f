import { afterAll, beforeAll, expect, test } from 'vitest';
import { readKept } from '../../../activities/features/steps/kept-columns.js';
import { type Lake, openLake } from '../../../lake/lake.js';
import type { Session } from '../../../lake/session.js';
import { temporaryHome } from '../../support/home.js';

let lake: Lake;
beforeAll(async () => {
  const home = await temporaryHome();
  lake = await openLake({ home, scratchBytes: 1 << 28, memoryLimit: '256MB', threads: 2 });
});
afterAll(() => lake.close());

/** A session that counts the statements by which columns are read. */
async function counting<T>(work: (session: Session, reads: () => number) => Promise<T>): Promise<T> {
  return lake.duckdb.session(async (session) => {
    await session.run("create temp table t as select i as id, 'n' || (i % 3) as name from range(10) as r(i)");
    let reads = 0;
    const read = session.readColumns.bind(session);
    session.readColumns = (...given) => {
      reads += 1;
      return read(...given);
    };
    return work(session, () => reads);
  });
}

const idsOf = async (...given: Parameters<typeof readKept>): Promise<number[]> => {
  const { columns } = await readKept(...given);
  return columns.id?.type === 'integer' ? [...columns.id.values] : [];
};

test('columns are read once for all sessions that see the same table, the missing ones in one statement', () =>
  counting(async (session, reads) => {
    const table = { name: 't', sha256: 'once' };
    const [a, b] = await Promise.all([readKept(session, table, ['id']), readKept(session, table, ['name', 'id'])]);
    expect(b.columns.id).toBe(a.columns.id);
    expect([a.rows, b.rows, reads()]).toEqual([10, 10, 2]);
    await counting(async (other, otherReads) => {
      expect((await readKept(other, table, ['name', 'id'])).columns.name).toBe(b.columns.name);
      expect(otherReads()).toBe(0);
    });
  }));

test('another table, another condition and another value of a parameter in it are other columns', () =>
  counting(async (session) => {
    const table = { name: 't', sha256: 'first' };
    expect(await idsOf(session, table, ['id'], 'id < $cut', { cut: 2, other: 1 })).toEqual([0, 1]);
    expect(await idsOf(session, table, ['id'], 'id < $cut', { cut: 3, other: 1 })).toEqual([0, 1, 2]);
    expect(await idsOf(session, table, ['id'], 'id >= $cut', { cut: 8 })).toEqual([8, 9]);
    await session.run('update t set id = id + 100');
    expect(await idsOf(session, table, ['id'], 'id < $cut', { cut: 2, other: 7 })).toEqual([0, 1]);
    expect(await idsOf(session, { name: 't', sha256: 'second' }, ['id'], 'id < $cut', { cut: 102 })).toEqual([
      100, 101,
    ]);
  }));

test('a read that fails leaves nothing behind: the next one reads', () =>
  counting(async (session) => {
    const table = { name: 'later', sha256: 'later' };
    await expect(readKept(session, table, ['id'])).rejects.toMatchObject({ code: expect.stringMatching(/^GR-/) });
    await session.run('create temp table later as select 7 as id');
    expect(await idsOf(session, table, ['id'])).toEqual([7]);
  }));
