import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  columnDecimals,
  formatBytes,
  formatCount,
  formatInstant,
  formatNumber,
  formatSeconds,
  formatShare,
} from '../../../activities/publish/format.js';

describe('format', () => {
  test('numbers have thousands separators and four significant digits', () => {
    expect(formatCount(74133)).toBe('74,133');
    expect([0.485638343479, 12.345678, 1234.5678, 138481, 0, 0.00012345].map((value) => formatNumber(value))).toEqual([
      '0.4856',
      '12.35',
      '1,235',
      '138,481',
      '0',
      '0.0001235',
    ]);
  });

  test('a missing or undefined number is a dash, a negative zero has no sign', () => {
    expect([null, undefined, Number.NaN, Number.POSITIVE_INFINITY].map((value) => formatNumber(value))).toEqual(
      Array(4).fill('–'),
    );
    expect(formatNumber(-0, 2)).toBe('0.00');
    expect(formatNumber(-1.5)).toBe('−1.500');
  });

  test('very large and very small numbers are powers of ten', () => {
    expect(formatNumber(1.5e21)).toBe('1.50 × 10^21');
    expect(formatNumber(-2.25e-12)).toBe('−2.25 × 10^−12');
  });

  test('figures of one column stand aligned, and none of them reads as zero', () => {
    const column = [71.052, 38.9, 40.1, 0.0123];
    const decimals = columnDecimals(column);
    expect(column.map((value) => formatNumber(value, decimals))).toEqual(['71.05', '38.90', '40.10', '0.01']);
    expect(formatNumber(0.0003, decimals)).toBe('0.00030');
    expect(columnDecimals([1, 2000, null, 0])).toBe(0);
    expect(columnDecimals([])).toBe(0);
  });

  test('any finite number is shown in at most 32 characters, and not as zero unless it is zero', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.option(fc.nat(8)), (value, decimals) => {
        const text = formatNumber(value, decimals ?? undefined);
        expect(text.length).toBeLessThanOrEqual(32);
        expect(/[1-9]/.test(text)).toBe(value !== 0);
      }),
    );
  });

  test('bytes, seconds, shares and instants are written for people', () => {
    expect([0, 999, 1000, 7241797, 999_600, 5e12].map(formatBytes)).toEqual(
      ['0 B', '999 B', '1.00 kB', '7.24 MB', '1.00 MB', '5.00 TB'].map((text) => text.replace(' ', '\u00a0')),
    );
    expect([0.42, 12.34, 59.97, 192, 7500].map(formatSeconds).map((text) => text.replaceAll('\u00a0', ' '))).toEqual([
      '0.42 s',
      '12.3 s',
      '1 min 0 s',
      '3 min 12 s',
      '2 h 5 min',
    ]);
    expect(formatShare(0.4954)).toBe('49.5\u00a0%');
    expect(formatInstant('2026-11-21T06:00:00.123+01:00')).toBe('2026-11-21 05:00:00 UTC');
    expect(formatInstant('soon')).toBe('soon');
  });
});
