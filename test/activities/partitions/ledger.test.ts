import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chunksOf } from '../../../activities/partitions/ledger.js';

const partsOf = (sizes: number[]) => sizes.map((rows, i) => ({ name: `p${i}`, rows }));

test('chunks hold every partition once, in order, and no more rows than asked for unless one alone has more', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50), { maxLength: 30 }), fc.integer({ min: 1, max: 60 }), (sizes, rows) => {
      const parts = partsOf(sizes);
      const chunks = chunksOf(parts, rows);
      expect(chunks.flat()).toEqual(parts.map(({ name }) => name));
      const sizeOf = (names: string[]): number => names.reduce((sum, name) => sum + sizes[Number(name.slice(1))]!, 0);
      for (const [i, chunk] of chunks.entries()) {
        expect(chunk.length).toBeGreaterThan(0);
        expect(sizeOf(chunk) <= rows || chunk.length === 1).toBe(true);
        // None is smaller than it need be: the first of the next one had no room in it.
        const next = chunks[i + 1];
        if (next !== undefined) expect(sizeOf([...chunk, next[0]!])).toBeGreaterThan(rows);
      }
    }),
    { numRuns: 500, seed: 4 },
  );
});

test('no partitions make no chunks', () => {
  expect(chunksOf([], 10)).toEqual([]);
});
