import { describe, expect, test } from 'vitest';
import { type Own, ownPartitions } from '../../../activities/partitions/steps/own.js';
import { sha256Of } from '../../../lake/hashing.js';
import { withLake } from '../../lake/support/temporary.js';

const COLUMNS = ['part', 'n', 'x', 'y', 'text', 'day'];
const ROWS = [
  "('a', 1, 0.5::double, 0.0::double, 'ab', date '2020-01-01')",
  "('a', 2, 1.5, 2.0, 'c', date '2020-01-02')",
  "('b', 3, null, 2.0, '', date '2020-01-03')",
  '(null, 4, 7.0, 2.0, null, null)',
];

/** The partitions of a table of these rows, as if it were another one each time. */
const partitions = (
  rows: readonly string[],
  columns = COLUMNS,
  finer?: Parameters<typeof ownPartitions>[4],
): Promise<Own[]> =>
  withLake(({ duckdb }) =>
    duckdb.session(async (session) => {
      const names = COLUMNS.join(', ');
      const filter = rows.length === 0 ? ' where false' : '';
      const values = rows.length === 0 ? ROWS : rows;
      const sql = `select * from (values ${values.join(', ')}) as t(${names})${filter}`;
      await session.run(`create temp table t as ${sql}`);
      return ownPartitions(session, { name: 't', sha256: sha256Of(sql) }, columns, [{ column: 'part' }], finer);
    }),
  );

const replaced = (row: number, what: string, by: string): string[] =>
  ROWS.map((text, i) => (i === row ? text.replace(what, by) : text));

describe('a partition is known by what its rows hold:', () => {
  test('names in ascending order, rows counted, those without a value under an empty name', async () => {
    const found = await partitions(ROWS);
    expect(found.map(({ name, rows }) => [name, rows])).toEqual([
      ['', 1],
      ['a', 2],
      ['b', 1],
    ]);
    expect(new Set(found.map(({ digest }) => digest)).size).toBe(3);
    expect((await partitions([])).map(({ name, rows }) => [name, rows])).toEqual([['', 0]]);
  });

  test('the order of rows, and what other partitions hold, change nothing', async () => {
    expect(await partitions([...ROWS].reverse())).toEqual(await partitions(ROWS));
    const before = await partitions(ROWS);
    const after = await partitions(replaced(2, '3,', '33,'));
    expect(after.map(({ digest }, i) => digest === before[i]?.digest)).toEqual([true, true, false]);
  });

  test.each([
    ['a number', 0, '0.5', '0.25'],
    ['a number that goes missing', 0, '0.5::double', 'null'],
    ['zero that turns negative', 0, '0.0::double', "'-0.0'::double"],
    ['a text', 1, "'c'", "'d'"],
    ['an empty text that goes missing', 1, "'c'", "''"],
    ['a day', 1, '2020-01-02', '2020-01-04'],
    ['two values that change places within a row', 1, '1.5, 2.0', '2.0, 1.5'],
  ])('a change of %s is seen', async (_, row, what, by) => {
    const [, before] = await partitions(ROWS);
    const [, after] = await partitions(replaced(row, what, by));
    expect(after?.rows).toBe(2);
    expect(after?.digest).not.toBe(before?.digest);
  });

  test('values that change places between rows, a row that comes twice, another column and another type are seen', async () => {
    const swapped = replaced(0, '0.5::double', '1.5::double').map((text, i) =>
      i === 1 ? text.replace('1.5', '0.5') : text,
    );
    const twice = [...ROWS, ROWS[0] as string];
    const thrice = [...twice, ROWS[0] as string];
    const typed = ROWS.map((text) => text.replace(/, (\d),/, ', $1::double,'));
    const all = await Promise.all([ROWS, swapped, twice, thrice, typed].map((rows) => partitions(rows)));
    const fewer = await partitions(ROWS, COLUMNS.slice(0, -1));
    const digests = [...all, fewer].map((found) => found[1]?.digest);
    expect(new Set(digests).size).toBe(digests.length);
  });

  test('those of a finer division add up to the same', async () => {
    const finer = [{ column: 'day', part: 'day' as const }, { column: 'part' }];
    expect(await partitions(ROWS, COLUMNS, finer)).toEqual(await partitions(ROWS));
    expect(await partitions([], COLUMNS, finer)).toEqual(await partitions([]));
  });
});
