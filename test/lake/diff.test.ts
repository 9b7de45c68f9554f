import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { diffTables, type TableDiff, type TableDiffOptions } from '../../lake/diff.js';
import type { Value } from '../../lake/diff-rows.js';
import { type Artifact, type Lake, putArtifact, putTable } from '../../lake/index.js';
import { withLake } from './support/temporary.js';

type Row = Record<string, Value>;

/** A table of rows as they stand, typed as SQL says; values are SQL literals or come from JSON. */
async function put(lake: Lake, rows: readonly Row[], types: Record<string, string>): Promise<Artifact> {
  const columns = Object.entries(types).map(([name, type]) => `cast(json->>'$."${name}"' as ${type}) as "${name}"`);
  const lines = rows.map((row, i) => `(${i}, '${JSON.stringify(row).replaceAll("'", "''")}'::json)`);
  const values = lines.length === 0 ? "select 0 as i, '{}'::json as json where false" : `values ${lines.join(', ')}`;
  return lake.duckdb.session((session) => {
    const select = `select ${columns.join(', ')}, i from (${values}) t(i, json)`;
    return putTable(lake, session, { select: `select * from (${select})` }, { prefix: 'lake/p/t', orderBy: ['i'] });
  });
}

const diffOf = async (
  lake: Lake,
  before: readonly Row[],
  after: readonly Row[],
  types: Record<string, string>,
  options: TableDiffOptions,
): Promise<TableDiff> => {
  const tables = { before: await put(lake, before, types), after: await put(lake, after, types) };
  return diffTables(lake, tables, options);
};

/** The same by plain loops; `i` is what `put` adds: the place from 0. */
function naive(before: readonly Row[], after: readonly Row[], columns: readonly string[]) {
  const nameOf = (row: Row): string => JSON.stringify([row.k, row.m]);
  const placed = (rows: readonly Row[]) => new Map(rows.map((row, i) => [nameOf(row), { row, place: i + 1 }]));
  const [old, now] = [placed(before), placed(after)];
  const pairs = [...now].flatMap(([name, to]) => {
    const from = old.get(name);
    if (from === undefined) return [];
    const changed = columns.filter((column) => from.row[column] !== to.row[column]);
    return [{ name, from: from.place, to: to.place, changed: from.place === to.place ? changed : [...changed, 'i'] }];
  });
  const differing = pairs
    .filter(({ changed }) => changed.length > 0)
    .sort((a, b) => Math.abs(b.to - b.from) - Math.abs(a.to - a.from) || a.to - b.to);
  return {
    rows: {
      before: before.length,
      after: after.length,
      added: [...now.keys()].filter((name) => !old.has(name)).length,
      gone: [...old.keys()].filter((name) => !now.has(name)).length,
      changed: differing.length,
      moved: pairs.filter(({ from, to }) => from !== to).length,
    },
    changed: [...columns, 'i'].flatMap((column) => {
      const rows = pairs.filter((pair) => pair.changed.includes(column)).length;
      return rows > 0 ? [{ column, rows }] : [];
    }),
    differing: differing.map(({ name, from, to, changed }) => ({ name, from, to, changed })),
  };
}

const KEYED = { k: 'VARCHAR', m: 'INTEGER', score: 'DOUBLE', name: 'VARCHAR', open: 'BOOLEAN' };

const table = fc.uniqueArray(
  fc.record<Row>({
    k: fc.constantFrom('01', '1', '', "it's", null),
    m: fc.constantFrom(1, 2, null),
    score: fc.constantFrom(0, 1.5, -2, 1e300, null),
    name: fc.constantFrom('a', 'b', null),
    open: fc.constantFrom(true, false, null),
  }),
  { selector: ({ k, m }) => JSON.stringify([k, m]), maxLength: 15 },
);

describe('the difference of two tables', () => {
  test('is what plain loops find: added, gone, changed by column, moved farthest first', { timeout: 120_000 }, () =>
    withLake(async (lake) => {
      await fc.assert(
        fc.asyncProperty(table, table, async (before, after) => {
          const options = { key: ['k', 'm'], orderedBy: 'i', score: 'score', top: 100 };
          const found = await diffOf(lake, before, after, KEYED, options);
          const { differing, ...counts } = naive(before, after, ['score', 'name', 'open']);
          expect({ rows: found.rows, changed: found.changed }).toEqual(counts);
          expect(
            found.differing.map((row) => ({
              name: JSON.stringify([row.key.k, row.key.m]),
              from: row.before?.rank,
              to: row.after?.rank,
              changed: row.changes.map(({ column }) => column),
            })),
          ).toEqual(differing);
          expect(found.added.map((row) => row.after?.rank)).toEqual(
            after.flatMap(({ k, m }, i) => (before.some((row) => row.k === k && row.m === m) ? [] : [i + 1])),
          );
          expect(found.gone.map(({ before: stood, after: stands }) => [stood?.rank, stands])).toEqual(
            before.flatMap(({ k, m }, i) => (after.some((row) => row.k === k && row.m === m) ? [] : [[i + 1, null]])),
          );
        }),
        { numRuns: 40, seed: 4 },
      );
    }),
  );

  test('tells values before and after, with ranks and scores, and no more rows than asked', () =>
    withLake(async (lake) => {
      const before = ['a', 'b', 'c', 'd'].map((k, i) => ({ k, score: 10 - i }));
      const after = ['d', 'a', 'b', 'e'].map((k, i) => ({ k, score: 20 - i }));
      const types = { k: 'VARCHAR', score: 'DOUBLE' };
      const options = { key: ['k'], orderedBy: 'i', score: 'score' };
      const found = await diffOf(lake, before, after, types, { ...options, top: 1 });
      expect(found.differing).toEqual([
        {
          key: { k: 'd' },
          before: { rank: 4, score: 7 },
          after: { rank: 1, score: 20 },
          changes: [
            { column: 'score', before: 7, after: 20 },
            { column: 'i', before: 3, after: 0 },
          ],
        },
      ]);
      expect(found.added).toEqual([{ key: { k: 'e' }, before: null, after: { rank: 4, score: 17 }, changes: [] }]);
      expect(found.gone).toMatchObject([{ key: { k: 'c' }, before: { rank: 3, score: 8 }, after: null }]);
      const head = await diffOf(lake, before, after, types, { ...options, top: 9, within: 1 });
      expect(head.differing.map(({ key }) => key.k)).toEqual(['d', 'a']);
      expect(await diffOf(lake, before, after, types, { ...options, top: 9, within: 1 })).toEqual(head);
    }));

  test('of tables that are not ranked: rows whose score changed most come first, and nothing moves', () =>
    withLake(async (lake) => {
      const rows = (scores: (number | null)[]) => scores.map((score, k) => ({ k: `r${k}`, score }));
      const options = { key: ['k'], orderedBy: 'k', score: 'score', top: 9 };
      const types = { k: 'VARCHAR', score: 'DOUBLE' };
      const found = await diffOf(lake, rows([1, 2, 3, null, 5]), rows([1, 9, 2, 4, null]), types, options);
      expect(found).toMatchObject({ ranked: false, rows: { changed: 4, moved: 0 } });
      expect(found.differing.map(({ key, before }) => [key.k, before])).toEqual([
        ['r1', { rank: null, score: 2 }],
        ['r2', { rank: null, score: 3 }],
        ['r3', { rank: null, score: null }],
        ['r4', { rank: null, score: 5 }],
      ]);
    }));

  test('tells columns that came, went, or have another type, and compares what reads the same as the same', () =>
    withLake(async (lake) => {
      const before = await put(lake, [{ k: 'a', n: 1, old: 1, code: '7' }], {
        ...{ k: 'VARCHAR', n: 'INTEGER', old: 'INTEGER', code: 'VARCHAR' },
      });
      const after = await put(lake, [{ k: 'a', n: 1, code: 7, fresh: 2 }], {
        ...{ k: 'VARCHAR', n: 'DOUBLE', code: 'BIGINT', fresh: 'INTEGER' },
      });
      const found = await diffTables(lake, { before, after }, { key: ['k'], top: 5 });
      expect(found.columns).toEqual({
        added: ['fresh'],
        gone: ['old'],
        retyped: [
          { column: 'n', before: 'INTEGER', after: 'DOUBLE' },
          { column: 'code', before: 'VARCHAR', after: 'BIGINT' },
        ],
      });
      expect(found.rows).toMatchObject({ changed: 0, added: 0, gone: 0 });
    }));

  test('loses no digit of a large integer, and has a text where JSON has no number', () =>
    withLake(async (lake) => {
      const types = { k: 'INTEGER', big: 'BIGINT', odd: 'DOUBLE', day: 'DATE' };
      const [from, to] = [
        { k: 1, big: '9007199254740993', odd: 'inf', day: '2020-02-29' },
        { k: 1, big: '9007199254740995', odd: 'nan', day: null },
      ];
      const found = await diffOf(lake, [from], [to], types, { key: ['k'], top: 5 });
      expect(found.differing[0]?.changes).toEqual([
        { column: 'big', before: '9007199254740993', after: '9007199254740995' },
        { column: 'odd', before: 'inf', after: 'nan' },
        { column: 'day', before: '2020-02-29', after: null },
      ]);
      const same = await diffOf(lake, [to], [to], types, { key: ['k'], top: 5 });
      expect(same.rows.changed).toBe(0);
    }));

  test('takes the place in the file as the rank, also beyond one row group and with several threads', () =>
    withLake(async (lake) => {
      const put = (order: string) =>
        lake.duckdb.session((session) =>
          putTable(
            lake,
            session,
            { select: 'select i as k, 300000 - i as score from range(300000) t(i)' },
            { prefix: 'lake/p/t', orderBy: [order] },
          ),
        );
      const options = { key: ['k'], orderedBy: 'score', score: 'score', top: 2 };
      const found = await diffTables(lake, { before: await put('-score'), after: await put('score') }, options);
      expect(found.rows).toMatchObject({ before: 300_000, changed: 0, moved: 300_000 });
      expect(found.differing.map(({ key, before, after }) => [key.k, before?.rank, after?.rank])).toEqual([
        [299_999, 300_000, 1],
        [0, 1, 300_000],
      ]);
    }));

  test('reads CSV where it is given some, cells as they are written', () =>
    withLake(async (lake) => {
      const csv = (text: string) => putArtifact(lake.store, 'lake/p/t', Buffer.from(text), 'csv');
      const before = await csv('k,rank,note\n01,1,"a, ""b"""\n1,2,\n');
      const after = await csv('k,rank,note\n1,1,\n01,2,"a, ""b"""\n');
      const found = await diffTables(lake, { before, after }, { key: ['k'], orderedBy: 'rank', top: 5 });
      expect(found).toMatchObject({ ranked: true, rows: { added: 0, gone: 0, changed: 2, moved: 2 } });
      expect(found.differing[1]).toEqual({
        key: { k: '01' },
        before: { rank: 1, score: null },
        after: { rank: 2, score: null },
        changes: [{ column: 'rank', before: 1, after: 2 }],
      });
    }));

  test('refuses a key that is no column, or does not name one row, without telling values; and what was altered or is gone', () =>
    withLake(async (lake, home) => {
      const types = { k: 'VARCHAR', score: 'DOUBLE' };
      const once = await put(lake, [{ k: 'secret', score: 1 }], types);
      const twice = await put(
        lake,
        [1, 2].map((score) => ({ k: 'secret', score })),
        types,
      );
      const diff = (before: Artifact, after: Artifact, key: string[]) =>
        diffTables(lake, { before, after }, { key, top: 5 });
      await expect(diff(once, twice, ['other'])).rejects.toMatchObject({ code: 'GR-1001' });
      const repeated = await diff(once, twice, ['k']).catch((error: Error) => error);
      expect(repeated).toMatchObject({ code: 'GR-2105', message: expect.stringContaining('1 values') });
      expect((repeated as Error).message).not.toContain('secret');
      const altered = { ...once, uri: 'outputs/p/x.parquet', sha256: 'f'.repeat(64) };
      await lake.store.putIfAbsent(altered.uri, Buffer.from('other bytes'));
      await expect(diff(altered, twice, ['k'])).rejects.toMatchObject({ code: 'GR-4005' });
      await rm(join(home, altered.uri));
      await expect(diff(altered, twice, ['k'])).rejects.toMatchObject({ code: 'GR-4004' });
    }));
});
