import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { textColumn } from '../../../activities/features/builders/columns.js';
import { DIGEST_BYTES, digestLists, listsOf } from '../../../activities/partitions/digests.js';
import type { Column } from '../../../lake/types.js';

type Value = string | number | null;

const columnOf = (values: readonly Value[]): Column =>
  values.some((value) => typeof value === 'string')
    ? textColumn(values.length, (i) => values[i] as string | null)
    : { type: 'double', values: Float64Array.from(values, (value) => (value as number | null) ?? Number.NaN) };

/** The digest of each list of rows, in hex. */
function digests(column: Column, lists: readonly (readonly number[])[]): string[] {
  const start = Int32Array.from([0, ...lists.map((_, i) => lists.slice(0, i + 1).flat().length)]);
  const bytes = digestLists({ column, start, rows: Int32Array.from(lists.flat()) });
  return lists.map((_, i) => Buffer.from(bytes.subarray(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES)).toString('hex'));
}

const whole = (values: readonly Value[], column = columnOf(values)): string =>
  digests(column, [values.map((_, i) => i)])[0] ?? '';

describe('digests of lists of rows', () => {
  const texts = fc.array(fc.option(fc.constantFrom('', '-', '1', '1:', 'a', 'ab', 'b', '0:', '\u0000', 'é')), {
    maxLength: 5,
  });
  const numbers = fc.array(fc.constantFrom(0, -0, 1, 1.5, Number.NaN, 2 ** 53, -1e300), { maxLength: 5 });

  test('are equal exactly where the values are, in their order', () => {
    const equal = <T extends Value>(a: readonly T[], b: readonly T[]): boolean =>
      a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
    fc.assert(
      fc.property(fc.oneof(fc.tuple(texts, texts), fc.tuple(numbers, numbers)), ([a, b]) => {
        const text = [...a, ...b].some((value) => typeof value === 'string');
        const column = (values: readonly Value[]): Column =>
          text ? textColumn(values.length, (i) => values[i] as string | null) : columnOf(values);
        expect(whole(a, column(a)) === whole(b, column(b))).toBe(equal<Value>(a, b));
      }),
      { numRuns: 2000, seed: 4 },
    );
  });

  test('do not run together at the boundaries of texts', () => {
    const alike = [['ab', 'c'], ['a', 'bc'], ['abc'], ['abc', ''], ['', 'abc'], ['1:a'], ['a', '-'], ['a', null]];
    expect(new Set(alike.map((values) => whole(values))).size).toBe(alike.length);
  });

  test('do not depend on the other rows of the table, nor on where in the table the rows stand', () => {
    const values = ['b', null, 'a', 'b', 'c'];
    const here = digests(columnOf(values), [[0, 1, 2], [], [3, 4]]);
    const there = digests(columnOf(['z', ...values]), [[1, 2, 3], [], [4, 5]]);
    expect(there).toEqual(here);
    expect(digests(columnOf(values), [[2, 1, 0]])[0]).not.toBe(here[0]);
  });

  test('take every NaN for the same missing value, and tell types of numbers apart', () => {
    const other = new Float64Array(1);
    new Uint32Array(other.buffer)[1] = 0x7ff80001;
    expect(whole([null], { type: 'double', values: other })).toBe(whole([null]));
    expect(whole([1], { type: 'integer', values: Float64Array.of(1) })).not.toBe(whole([1]));
    const truths = (...values: number[]): string => whole(values, { type: 'boolean', values: Uint8Array.from(values) });
    expect(new Set([truths(0), truths(1), truths(255), truths(0, 0)]).size).toBe(4);
  });
});

test('rows are put into their lists in the order in which they come', () => {
  const pairs = fc.array(fc.tuple(fc.nat(6), fc.nat(99)), { maxLength: 40 });
  fc.assert(
    fc.property(pairs, (given) => {
      const { start, rows } = listsOf(
        Int32Array.from(given, ([list]) => list),
        Int32Array.from(given, ([, row]) => row),
        7,
      );
      for (let list = 0; list < 7; list++)
        expect([...rows.subarray(start[list], start[list + 1])]).toEqual(
          given.filter(([one]) => one === list).map(([, row]) => row),
        );
    }),
    { seed: 4 },
  );
});
