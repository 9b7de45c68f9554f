import fc from 'fast-check';
import { expect, test } from 'vitest';
import { groupsOf, sharedGroups, textColumn, valuesOf } from '../../../../activities/features/builders/columns.js';
import type { BuildContext } from '../../../../activities/features/builders/context.js';
import { rollup } from '../../../../activities/features/builders/rollup.js';
import { rollup as schema } from '../../../../config/definition/table.js';
import type { Column, Columns } from '../../../../lake/types.js';

type Row = { a: string | null; b: number | null; x: number | null; flag: boolean | null; word: string | null };

const keys = fc.constantFrom(null, '', 'a', 'a|b', '"a"', 'b"|"c', 'é', '\u0000');
const rows = fc.array(
  fc.record({
    a: keys,
    b: fc.constantFrom(null, 0, -0, 1, 2.5),
    x: fc.option(fc.integer({ min: -50, max: 50 })),
    flag: fc.constantFrom(null, true, false),
    word: keys,
  }),
  { maxLength: 40 },
);

const numbersOf = (values: (number | null)[]): Column => ({
  type: 'double',
  values: Float64Array.from(values, (v) => v ?? Number.NaN),
});
const tableOf = (all: readonly Row[]): Columns => ({
  rows: all.length,
  columns: {
    a: textColumn(all.length, (i) => all[i]?.a),
    b: numbersOf(all.map(({ b }) => b)),
    x: numbersOf(all.map(({ x }) => x)),
    flag: { type: 'boolean', values: Uint8Array.from(all, ({ flag }) => (flag === null ? 255 : Number(flag))) },
    word: textColumn(all.length, (i) => all[i]?.word),
  },
});

/** A context that reads one other table, whole. */
const reading = (table: Columns) => ({ read: async () => table }) as unknown as BuildContext;

const ADD = {
  n: 'count()',
  sum: 'sum(x)',
  mean: 'mean(x)',
  min: 'min(x)',
  max: 'max(x)',
  words: 'distinct(word)',
  flags: 'distinct(flag)',
  share: 'mean(flag)',
  numbers: 'distinct(b)',
};

/** The same by hand: missing values count in nothing but the rows. */
function aggregate(all: readonly Row[]): Record<keyof typeof ADD, number> {
  const xs = all.flatMap(({ x }) => (x === null ? [] : [x]));
  const flags = all.flatMap(({ flag }) => (flag === null ? [] : [flag]));
  const sum = xs.reduce((total, x) => total + x, 0);
  const distinct = (values: unknown[]) => new Set(values.filter((value) => value !== null)).size;
  return {
    n: all.length,
    sum: xs.length === 0 ? Number.NaN : sum,
    mean: xs.length === 0 ? Number.NaN : sum / xs.length,
    min: xs.length === 0 ? Number.NaN : Math.min(...xs),
    max: xs.length === 0 ? Number.NaN : Math.max(...xs),
    words: distinct(all.map(({ word }) => word)),
    flags: distinct(all.map(({ flag }) => flag)),
    share: flags.length === 0 ? Number.NaN : flags.filter((flag) => flag).length / flags.length,
    numbers: distinct(all.map(({ b }) => b)),
  };
}

const keyOf = ({ a, b }: Pick<Row, 'a' | 'b'>): string => JSON.stringify([a, b]);
const cell = (table: Columns, name: string, row: number): unknown => valuesOf(table.columns[name] as Column)[row];

test('groups and aggregates are those of a count by hand, in order of first appearance', async () => {
  await fc.assert(
    fc.asyncProperty(rows, async (all) => {
      const rolled = await rollup(
        tableOf([]),
        schema.parse({ of: 'other', by: ['a', 'b'], add: ADD }),
        reading(tableOf(all)),
      );
      const groups = new Map<string, Row[]>();
      for (const row of all) groups.set(keyOf(row), [...(groups.get(keyOf(row)) ?? []), row]);
      expect(rolled.rows).toBe(groups.size);
      for (const [row, members] of [...groups.values()].entries()) {
        expect(cell(rolled, 'a', row)).toBe(members[0]?.a);
        for (const [name, value] of Object.entries(aggregate(members))) {
          const got = cell(rolled, name, row) as number;
          if (Number.isNaN(value)) expect(got).toBeNaN();
          else expect(got).toBeCloseTo(value, 9);
        }
      }
    }),
    { seed: 3 },
  );
});

test('joined by keys, a row without a group gets the fill; a group without values stays missing', async () => {
  await fc.assert(
    fc.asyncProperty(rows, rows, async (own, others) => {
      const params = schema.parse({ of: 'other', by: ['a', 'b'], on: ['a', 'b'], add: ADD, fill: -1 });
      const joined = await rollup(tableOf(own), params, reading(tableOf(others)));
      for (const [row, mine] of own.entries()) {
        const isMissing = mine.a === null || mine.b === null;
        const members = isMissing ? [] : others.filter((other) => keyOf(other) === keyOf(mine));
        const expected = members.length === 0 ? undefined : aggregate(members);
        for (const name of Object.keys(ADD) as (keyof typeof ADD)[]) {
          const got = cell(joined, name, row) as number;
          const value = expected?.[name] ?? -1;
          if (Number.isNaN(value)) expect(got).toBeNaN();
          else expect(got).toBeCloseTo(value, 9);
        }
      }
    }),
    { seed: 4 },
  );
});

test('rows share a group exactly where all their keys are equal; a missing key is in none, or a group of its own', () => {
  fc.assert(
    fc.property(rows, rows, (own, their) => {
      const columnsOf = (all: readonly Row[]) => ['a', 'b', 'flag'].map((name) => tableOf(all).columns[name] as Column);
      const [mine, theirs] = sharedGroups(columnsOf(own), columnsOf(their), own.length, their.length);
      const full = ({ a, b, flag }: Row) =>
        a === null || b === null || flag === null ? undefined : JSON.stringify([a, b + 0, flag]);
      for (const [i, one] of own.entries())
        for (const [j, other] of their.entries())
          expect(mine[i] === theirs[j] && (mine[i] as number) >= 0).toBe(
            full(one) !== undefined && full(one) === full(other),
          );
      const groups = groupsOf(columnsOf(own), own.length);
      const seen = new Map<string, number>();
      for (const [i, { a, b, flag }] of own.entries()) {
        const key = JSON.stringify([a, b === null ? null : b + 0, flag]);
        if (!seen.has(key)) seen.set(key, seen.size);
        expect(groups[i]).toBe(seen.get(key));
      }
    }),
    { seed: 5 },
  );
});

test.each(['sum(word)', 'mean(word)', 'max(flag)', 'max(missing)'])(
  '%s is refused as a fault of the definition',
  async (text) => {
    const params = schema.parse({ of: 'other', by: ['a'], add: { x: text } });
    await expect(rollup(tableOf([]), params, reading(tableOf([])))).rejects.toMatchObject({ code: 'GR-1003' });
  },
);
