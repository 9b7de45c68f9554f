import fc from 'fast-check';
import picocolors from 'picocolors';
import { describe, expect, test } from 'vitest';
import { formatAge, formatRate, formatRoughly, formatTime, table } from '../../../client/cli/text.js';

const plain = picocolors.createColors(false);

describe('text for people', () => {
  test('a table aligns words to the left and figures to the right, and ends no line with blanks', () => {
    const printed = table(
      ['NAME', 'ROWS'],
      [
        ['tracts', '74,133'],
        ['msas', '9'],
        ['–', '–'],
      ],
      plain,
    );
    expect(printed.split('\n')).toEqual(['NAME      ROWS', 'tracts  74,133', 'msas         9', '–            –']);
  });

  test('a table without colours has no escape sequences, whatever its cells are', () => {
    const cell = fc.string({ maxLength: 12, unit: fc.constantFrom(...'abc 019.,–'.split('')) });
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { maxLength: 6 }), (rows) => {
        expect(table(['A', 'B'], rows, plain)).not.toContain('\u001b');
      }),
    );
  });

  test('ages and rates are told in the unit that fits', () => {
    expect([5, 61, 7300, 200_000].map(formatAge)).toEqual(['just now', '1 min old', '2 h old', '2 days old']);
    expect([740, 61_234, 1_249_000, 999_700].map((rate) => formatRate(rate, 'rows'))).toEqual([
      '740 rows/s',
      '61 k rows/s',
      '1.2 M rows/s',
      '1 M rows/s',
    ]);
  });

  test('a guess at the time left is rough, and no longer guess is told as a shorter one', () => {
    expect([1, 13, 70, 600, 9000].map(formatRoughly)).toEqual([
      'a few seconds',
      '~15 seconds',
      '~1 minute',
      '~10 minutes',
      '~3 hours',
    ]);
    const size = (text: string): number => {
      const [, count = '0', unit = ''] = /(\d+) (\w+)/.exec(text) ?? [];
      return Number(count) * (unit.startsWith('hour') ? 3600 : unit.startsWith('minute') ? 60 : 1);
    };
    fc.assert(
      fc.property(fc.nat(100_000), fc.nat(100_000), (a, b) => {
        const [short, long] = a < b ? [a, b] : [b, a];
        expect(size(formatRoughly(short))).toBeLessThanOrEqual(size(formatRoughly(long)));
      }),
    );
  });

  test('instants are told to the minute where seconds say nothing', () => {
    expect(formatTime('2026-11-21T06:00:00.000Z')).toBe('2026-11-21T06:00Z');
    expect(formatTime('2026-11-21T06:00:07.123Z')).toBe('2026-11-21T06:00:07Z');
    expect(formatTime('soon')).toBe('soon');
  });
});
