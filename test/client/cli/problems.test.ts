import picocolors from 'picocolors';
import { describe, expect, test } from 'vitest';
import { exitOf, placeText, problemBlock, problemOf } from '../../../client/cli/problems.js';
import { ERRORS, type ErrorCode, GeorefreshError } from '../../../config/errors.js';

const plain = picocolors.createColors(false);

describe('errors on the command line', () => {
  test('tell what, where, the state of things, and what to do next', () => {
    const error = new GeorefreshError('GR-2104', 'stations: 3 of 100 rows quarantined', {
      where: [{ file: 'inputs/stations.csv', line: 4417, row: 4416, note: 'latitude between -90 and 90' }],
    });
    expect(problemBlock(problemOf(error), plain, 'nothing was published').split('\n')).toEqual([
      'error GR-2104  a source breaks its contract: stations: 3 of 100 rows quarantined',
      '  where   inputs/stations.csv:4417  row 4416  latitude between -90 and 90',
      '  state   nothing was published',
      `  next    ${ERRORS['GR-2104'].remedy}  ·  georefresh error GR-2104`,
    ]);
  });

  test('tell each place once, and of very many only the first', () => {
    const where = Array.from({ length: 25 }, (_, i) => ({ file: 'p.yaml', line: i + 1 }));
    const block = problemBlock(problemOf(new GeorefreshError('GR-1003', 'p.yaml:1 is wrong', { where })), plain);
    expect(block).not.toMatch(/where +p\.yaml:1$/m);
    expect(block).toContain('and ');
    expect(block.split('\n').length).toBeLessThan(26);
    expect(placeText({ line: 3, note: 'here' })).toBe('3  here');
  });

  test('exit with the code of the registry, 130 for a cancelled run, 1 for what nobody foresaw', () => {
    for (const [code, { exit }] of Object.entries(ERRORS))
      expect(exitOf(new GeorefreshError(code as ErrorCode, 'x'))).toBe(exit);
    expect(exitOf(new GeorefreshError('GR-3006', 'x'))).toBe(130);
    expect(exitOf(new Error('x'))).toBe(1);
    expect(exitOf('thrown text')).toBe(1);
  });
});
