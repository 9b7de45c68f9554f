import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Column, Columns } from '../../lake/types.js';
import { withLake } from './support/temporary.js';

const shared = (values: number[]): Float64Array => {
  const array = new Float64Array(new SharedArrayBuffer(values.length * 8));
  array.set(values);
  return array;
};

const textOf = (values: (string | null)[]): Column => {
  const dictionary: string[] = [];
  const codes = values.map((value) => {
    if (value === null) return -1;
    if (!dictionary.includes(value)) dictionary.push(value);
    return dictionary.indexOf(value);
  });
  return { type: 'text', codes: Int32Array.from(codes), dictionary };
};

const plain = (table: Columns): Record<string, unknown[]> =>
  Object.fromEntries(
    Object.entries(table.columns).map(([name, column]) => [
      name,
      column.type === 'text'
        ? Array.from(column.codes, (code) => (code < 0 ? null : column.dictionary[code]))
        : Array.from(column.values),
    ]),
  );

describe('columns', () => {
  it('carry every type of DuckDB that a table may hold, nulls included', () =>
    withLake(({ duckdb }) =>
      duckdb.session(async (session) => {
        const table = await session.readColumns(`
          SELECT * FROM (VALUES
            (1.5::DOUBLE, 2.5::FLOAT, -7::TINYINT, 300::USMALLINT, -5::BIGINT, 9007199254740991::HUGEINT, 12.34::DECIMAL(4,2), -1234567890123456.80::DECIMAL(38,3), true, DATE '1969-12-31', TIMESTAMP '9999-12-31 23:59:59', TIMESTAMPTZ '2020-01-01 00:00:00+02', 'short', 'a text longer than twelve bytes', 'b'::ENUM('a','b'), NULL),
            (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
          ) t(a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p)`);
        expect(plain(table)).toEqual({
          a: [1.5, NaN],
          b: [2.5, NaN],
          c: [-7, NaN],
          d: [300, NaN],
          e: [-5, NaN],
          f: [9007199254740991, NaN],
          g: [12.34, NaN],
          h: [-1234567890123456.8, NaN],
          i: [1, 255],
          j: [-86_400_000, NaN],
          k: [Date.UTC(9999, 11, 31, 23, 59, 59), NaN],
          l: [Date.UTC(2019, 11, 31, 22), NaN],
          m: ['short', null],
          n: ['a text longer than twelve bytes', null],
          o: ['b', null],
          p: [NaN, NaN],
        });
        for (const column of Object.values(table.columns)) {
          const array = column.type === 'text' ? column.codes : column.values;
          expect(array.buffer).toBeInstanceOf(SharedArrayBuffer);
        }
      }),
    ));

  it.each([
    '9007199254740993::BIGINT',
    '-9007199254740993::BIGINT',
    '18446744073709551615::UBIGINT',
    '170141183460469231731687303715884105727::HUGEINT',
    '-18446744073709551616::HUGEINT',
  ])('refuse the integer %s rather than round it', (sql) =>
    withLake(({ duckdb }) =>
      duckdb.session(async (session) => {
        await expect(session.readColumns(`SELECT ${sql} x`)).rejects.toMatchObject({ code: 'GR-2106' });
        await expect(session.readColumns(`SELECT 1 x`)).resolves.toMatchObject({ rows: 1 });
      }),
    ),
  );

  it.each(["'1 day'::INTERVAL", '[1,2]', "'\\x00'::BLOB", '{a: 1}'])('refuse the type of %s and say so', (sql) =>
    withLake(({ duckdb }) =>
      duckdb.session((session) =>
        expect(session.readColumns(`SELECT ${sql} x`)).rejects.toMatchObject({ code: 'GR-2106' }),
      ),
    ),
  );

  it('go to DuckDB and come back as they were, at any number of rows', () =>
    withLake(async ({ duckdb }) => {
      const number = fc.oneof(fc.double({ noDefaultInfinity: false }), fc.constant(NaN));
      const integer = fc.oneof(fc.maxSafeInteger(), fc.constant(NaN));
      const time = fc.oneof(
        fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }),
        fc.constantFrom(NaN, Infinity, -Infinity),
      );
      const text = fc.oneof(
        fc.string({ unit: 'grapheme', maxLength: 40 }),
        fc.constantFrom('', 'exactly12byt', 'thirteen byte', 'ø'),
        fc.constant(null),
      );
      const row = fc.tuple(number, integer, time, fc.constantFrom(0, 1, 255), text);
      await fc.assert(
        fc.asyncProperty(fc.array(row, { maxLength: 60 }), fc.constantFrom(0, 1, 2, 71), async (some, times) => {
          const rows = Array.from({ length: times }, () => some)
            .flat()
            .concat(times === 0 ? some : []);
          const table: Columns = {
            rows: rows.length,
            columns: {
              d: { type: 'double', values: shared(rows.map((r) => r[0])) },
              'i"': { type: 'integer', values: shared(rows.map((r) => r[1])) },
              t: { type: 'timestamp', values: shared(rows.map((r) => r[2])) },
              b: { type: 'boolean', values: Uint8Array.from(rows.map((r) => r[3])) },
              s: textOf(rows.map((r) => r[4])),
            },
          };
          const back = await duckdb.session(async (session) => {
            await session.createTable('x y', table);
            await session.showColumns('where "they" lie', table);
            const seen = await session.readColumns('SELECT * FROM "where ""they"" lie"');
            expect(plain(seen)).toEqual(plain(table));
            expect(await session.readColumns('SELECT count(*) AS n FROM "where ""they"" lie"')).toMatchObject({
              columns: { n: { values: Float64Array.of(rows.length) } },
            });
            await session.hideColumns('where "they" lie');
            return session.readColumns('SELECT * FROM "x y"');
          });
          expect(back.rows).toBe(rows.length);
          expect(plain(back)).toEqual(plain(table));
        }),
        { numRuns: 40 },
      );
    }));

  it('are refused where they hold no value of their type, also when SQL reads them where they lie', () =>
    withLake(({ duckdb }) =>
      duckdb.session(async (session) => {
        await session.showColumns('halves', { rows: 1, columns: { x: { type: 'integer', values: shared([0.5]) } } });
        await expect(session.run('CREATE TEMP TABLE t AS SELECT * FROM halves')).rejects.toMatchObject({
          code: 'GR-2106',
          message: expect.stringContaining('0.5') as unknown,
        });
        await session.hideColumns('halves');
        const codes: Column = { type: 'text', codes: Int32Array.of(0, 1), dictionary: ['a'] };
        await session.showColumns('codes', { rows: 2, columns: { codes } });
        await expect(session.readColumns('SELECT * FROM codes')).rejects.toMatchObject({ code: 'GR-2106' });
        await session.hideColumns('codes');
        await expect(session.readColumns('SELECT * FROM codes')).rejects.toMatchObject({ code: 'GR-3010' });
        await expect(
          session.showColumns('short', { rows: 2, columns: { codes: { ...codes, codes: Int32Array.of(0) } } }),
        ).rejects.toMatchObject({ code: 'GR-2106' });
      }),
    ));

  it('are read where they lie while other sessions append and end', () =>
    withLake(async ({ duckdb }) => {
      const rows = 100_000;
      const values = shared(Array.from({ length: rows }, (_, i) => i));
      const table: Columns = { rows, columns: { x: { type: 'double', values } } };
      const sums = await Promise.all(
        Array.from({ length: 12 }, (_, k) =>
          duckdb.session(async (session) => {
            if (k % 2 === 0) await session.showColumns('given', table);
            else await session.createTable('given', table);
            const { columns } = await session.readColumns(
              'SELECT sum(a.x + b.x) AS sum FROM given AS a JOIN given AS b ON a.x = b.x',
            );
            return columns.sum?.type === 'double' ? columns.sum.values[0] : undefined;
          }),
        ),
      );
      expect(new Set(sums)).toEqual(new Set([rows * (rows - 1)]));
    }));

  it('are seen by the session that shows them alone', () =>
    withLake(({ duckdb }) =>
      duckdb.session(async (session) => {
        await session.showColumns('own', { rows: 1, columns: { x: { type: 'double', values: shared([1]) } } });
        await expect(duckdb.session((other) => other.run('SELECT * FROM own'))).rejects.toMatchObject({
          code: 'GR-3010',
        });
        await expect(
          duckdb.session((other) => other.run("SELECT * FROM georefresh_columns('own')")),
        ).rejects.toMatchObject({ code: 'GR-3010' });
      }),
    ));

  it('number texts in order of first appearance across vectors, short and long ones alike', () =>
    withLake(({ duckdb }) =>
      duckdb.session(async (session) => {
        const table = await session.readColumns(
          `SELECT CASE WHEN i % 11 = 0 THEN NULL WHEN i % 2 = 0 THEN 's' || (i * 7919 % 5003) ELSE 'a rather long text ' || (i * 104729 % 6007) END s FROM range(200000) r(i)`,
        );
        const expected: (string | null)[] = [];
        for (let i = 0; i < 200_000; i++) {
          expected.push(
            i % 11 === 0 ? null : i % 2 === 0 ? `s${(i * 7919) % 5003}` : `a rather long text ${(i * 104729) % 6007}`,
          );
        }
        expect(plain(table).s).toEqual(expected);
        expect(table.columns.s).toMatchObject({ dictionary: [...new Set(expected.filter((text) => text !== null))] });
      }),
    ));
});
