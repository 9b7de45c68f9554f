import { describe, expect, it } from 'vitest';
import { timesOf } from '../../../activities/backfill/times.js';

const times = (from: string, to: string, every: string): string[] =>
  timesOf({ from, to, every }).map((time) => new Date(time).toISOString().replace(':00.000Z', 'Z'));

describe('the logical times of a range', () => {
  it('are each step from its beginning, both ends included', () => {
    expect(times('2026-01-01', '2026-01-03', '1d')).toEqual([
      '2026-01-01T00:00Z',
      '2026-01-02T00:00Z',
      '2026-01-03T00:00Z',
    ]);
    expect(times('2026-01-01T06:00Z', '2026-01-01T18:30Z', '6h')).toEqual([
      '2026-01-01T06:00Z',
      '2026-01-01T12:00Z',
      '2026-01-01T18:00Z',
    ]);
    expect(times('2026-01-01', '2026-01-01', '1d')).toEqual(['2026-01-01T00:00Z']);
  });

  it('by months keep the day, or take the last one of shorter months', () => {
    expect(times('2024-01-31T05:00Z', '2024-05-01', 'month')).toEqual([
      '2024-01-31T05:00Z',
      '2024-02-29T05:00Z',
      '2024-03-31T05:00Z',
      '2024-04-30T05:00Z',
    ]);
  });

  it('by cron are its firings in UTC', () => {
    expect(times('2026-01-01T07:00Z', '2026-01-13', '30 6 * * 1')).toEqual(['2026-01-05T06:30Z', '2026-01-12T06:30Z']);
    expect(times('2026-01-01', '2026-01-01T02:00Z', '0,30 * * * *')).toHaveLength(5);
  });

  it.each([
    ['2026-01-02', '2026-01-01', '1d'],
    ['2026-01-01', '2026-01-02', 'daily'],
    ['2026-01-01', '2026-01-02', '10s'],
    ['2026-01-01', '2026-01-02', '0s'],
    ['2000-01-01', '2026-01-02', '1m'],
  ])('%s to %s each %s is refused', (from, to, every) => {
    expect(() => timesOf({ from, to, every })).toThrowError(expect.objectContaining({ code: 'GR-1001' }));
  });
});
