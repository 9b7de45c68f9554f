import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSorted } from '../../lake/sorted.js';
import { putColumns, putTable } from '../../lake/tables.js';
import type { Columns } from '../../lake/types.js';
import { withLake } from './support/temporary.js';

type Row = [time: number, name: string | null, flag: number];

const DICTIONARY = ['é', 'a', 'Z', 'aa', '', '\u{1f600}', '\uffee', 'a'];

const tableOf = (rows: readonly Row[]): Columns => ({
  rows: rows.length,
  columns: {
    time: { type: 'timestamp', values: Float64Array.from(rows, ([time]) => time) },
    name: {
      type: 'text',
      codes: Int32Array.from(rows, ([, name]) => (name === null ? -1 : DICTIONARY.indexOf(name))),
      dictionary: DICTIONARY,
    },
    flag: { type: 'boolean', values: Uint8Array.from(rows, ([, , flag]) => flag) },
  },
});

describe('columns that stand in their order', () => {
  it('are those that the engine sorts so, where no rows tie and no missing value decides', () =>
    withLake(({ duckdb }) =>
      duckdb.session(async (session) => {
        const row = fc.tuple(
          fc.constantFrom(-1, 0, 1, 2, Number.NaN),
          fc.constantFrom(...DICTIONARY, null),
          fc.constantFrom(0, 1, 255),
        );
        let sorted = 0;
        await fc.assert(
          fc.asyncProperty(fc.array(row, { maxLength: 4 }), async (rows) => {
            const table = tableOf(rows);
            if (!isSorted(table, ['name', 'time', 'flag'])) return;
            if (rows.length > 1) sorted++;
            await session.showColumns('given', table);
            const byEngine = await session.readColumns('SELECT * FROM given ORDER BY name, time, flag');
            await session.hideColumns('given');
            const names = (columns: Columns): (string | undefined)[] => {
              const { name } = columns.columns;
              return name?.type === 'text' ? Array.from(name.codes, (code) => name.dictionary[code]) : [];
            };
            expect(names(byEngine)).toEqual(names(table));
            expect(byEngine.columns.time).toEqual(table.columns.time);
            expect(byEngine.columns.flag).toEqual(table.columns.flag);
          }),
          { numRuns: 1500, seed: 7 },
        );
        expect(sorted).toBeGreaterThan(50);
      }),
    ));

  it('are told from those that are not', () => {
    const sorted = tableOf([
      [1, 'Z', 0],
      [1, 'a', 0],
      [2, 'a', 1],
      [2, 'é', 0],
      [5, null, 0],
    ]);
    expect(isSorted(sorted, ['time', 'name'])).toBe(true);
    expect(isSorted(sorted, ['-time', 'name'])).toBe(false);
    expect(isSorted(sorted, ['time'])).toBe(false);
    expect(isSorted(sorted, ['name', 'time'])).toBe(false);
    expect(isSorted(sorted, ['time', 'nothing'])).toBe(false);
    expect(isSorted(sorted, [])).toBe(false);
  });

  it('give the bytes that sorting gives, on any number of threads (S0.1)', async () => {
    const rows = 400_000;
    const values = (of: (i: number) => number): Float64Array => Float64Array.from({ length: rows }, (_, i) => of(i));
    const table: Columns = {
      rows,
      columns: {
        id: { type: 'integer', values: values((i) => 2 * i) },
        name: {
          type: 'text',
          codes: Int32Array.from({ length: rows }, (_, i) => (i % 7) - 1),
          dictionary: ['short', 'one that is longer than a cell', 'c', 'd', 'e', 'f'],
        },
        x: { type: 'double', values: values((i) => (i % 5 === 0 ? Number.NaN : Math.sin(i))) },
      },
    };
    const digests = new Set<string>();
    for (const threads of [1, 2, 4])
      await withLake(async (lake) => {
        const options = { prefix: 'lake/x', orderBy: ['id'], keyed: true };
        digests.add((await putColumns(lake, table, options)).sha256);
        await lake.duckdb.session(async (session) => {
          await session.showColumns('given', table);
          const select = 'SELECT * FROM given ORDER BY hash(id)';
          digests.add((await putTable(lake, session, { select }, options)).sha256);
        });
      }, threads);
    expect([...digests]).toHaveLength(1);
  });
});
