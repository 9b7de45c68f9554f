import fc from 'fast-check';
import picocolors from 'picocolors';
import { describe, expect, test } from 'vitest';
import { firstRecords, topText } from '../../../client/cli/top.js';

const plain = picocolors.createColors(false);
const quoted = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

describe('first rows of an output', () => {
  test('every table of text that is written as CSV is read back', () => {
    const cell = fc.string({ maxLength: 8, unit: fc.constantFrom(...'ab", \n\r0é'.split('')) });
    const rows = fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(rows, (cells) => {
        const text = [['x', 'y'], ...cells].map((row) => `${row.map(quoted).join(',')}\n`).join('');
        expect(firstRecords(text, cells.length)).toEqual(cells.map(([x, y]) => ({ x, y })));
      }),
    );
  });

  test('of a head that ends within a quoted cell the whole records are read', () => {
    expect(firstRecords('a,b\n1,2\n3,"cut o', 10)).toEqual([{ a: '1', b: '2' }]);
  });

  test('measures get common decimals, codes stay as they are', () => {
    const rows = [
      { rank: '1', county: '06037', score: '12.34567' },
      { rank: '2', county: '48031', score: '3.1' },
    ];
    const text = topText(
      { output: 'counties', title: 'Counties', columns: ['rank', 'county', 'score'], rows, total: 3108 },
      plain,
    );
    expect(text.split('\n')).toEqual([
      'Counties  first 2 of 3,108, counties.csv',
      '  rank  county  score',
      '     1   06037  12.35',
      '     2   48031   3.10',
    ]);
  });
});
