import { InvalidArgumentError } from 'commander';
import { describe, expect, test } from 'vitest';
import {
  collectSetting,
  collectStages,
  parseCount,
  parseDuration,
  parseFolder,
  parseTime,
} from '../../../client/cli/arguments.js';
import { requestOf } from '../../../client/cli/commands/refresh.js';

describe('arguments of the command line', () => {
  test('durations have a unit', () => {
    expect(['90s', '5m', '1.5h', '250ms'].map(parseDuration)).toEqual([90_000, 300_000, 5_400_000, 250]);
    for (const wrong of ['90', 's', '-5m', '5 years']) expect(() => parseDuration(wrong)).toThrow(InvalidArgumentError);
  });

  test('settings stay text, so that the definition gives them their type', () => {
    expect(collectSetting('label=a=b', collectSetting('cut=150000'))).toEqual({ cut: '150000', label: 'a=b' });
    expect(() => collectSetting('=3')).toThrow(InvalidArgumentError);
    expect(() => collectSetting('cut')).toThrow(InvalidArgumentError);
  });

  test('stages may be given one by one or together, and an unknown one is named', () => {
    expect(collectStages('train, score', collectStages('train'))).toEqual(['train', 'score']);
    expect(() => collectStages('trian')).toThrow(/`trian`; there are ingest/);
  });

  test('a time has a zone or is a day in UTC', () => {
    expect(parseTime('2026-11-21')).toBe('2026-11-21T00:00:00.000Z');
    expect(parseTime('2026-11-21T08:00+02:00')).toBe('2026-11-21T06:00:00.000Z');
    for (const wrong of ['2026-11-21T08:00', 'yesterday', '2026-13-01'])
      expect(() => parseTime(wrong)).toThrow(InvalidArgumentError);
  });

  test('counts are whole and bounded', () => {
    expect(parseCount(1, 64)('2')).toBe(2);
    for (const wrong of ['0', '65', '1.5', 'two', ''])
      expect(() => parseCount(1, 64)(wrong)).toThrow(InvalidArgumentError);
  });

  test('a request holds only what was asked for (S0.12: --force)', () => {
    expect(requestOf('ev-sites', {})).toEqual({ pipeline: 'ev-sites', trigger: 'operator' });
    expect(
      requestOf('ev-sites', { force: true, set: { cut: '1' }, inputs: parseFolder('/in'), waitAtMost: 5000 }),
    ).toEqual({
      pipeline: 'ev-sites',
      trigger: 'operator',
      force: true,
      overrides: { cut: '1' },
      inputs: '/in',
      waitAtMost: 5000,
    });
  });
});
