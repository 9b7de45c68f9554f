import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Validation, validate } from '../../client/validate.js';
import { loadContract } from '../../config/contracts.js';
import { projectRoot } from '../../config/root.js';
import { dataFolder, needs } from '../support/needs.js';

/** What the catalogue of the real files says of their dirt, and what a plain count of their cells gave. */
const DIRT: Record<string, { rows: number; errors?: Record<string, number>; warnings?: Record<string, number> }> = {
  'afdc-points-2022': {
    rows: 50_270,
    errors: { 'lon.forbidden': 1 },
    warnings: { zip_lost_one_zero: 4537, zip_of_three: 7, zip_of_one: 1, zip_of_six: 14 },
  },
  'afdc-ny-2025': { rows: 4857, warnings: { other_fuel: 121 } },
  'afdc-ma-2025': { rows: 4216, warnings: { other_fuel: 27, zip_without_zero: 4214 } },
  'afdc-us-2019': { rows: 5923 },
  'norway-sessions': { rows: 35_377, warnings: { open_session: 38 } },
  'trondheim-sessions': { rows: 6878, warnings: { no_end: 34 } },
  // A row is put aside once: one of 870 without a place has an impossible rating, which comes first.
  'ubereats-orders': { rows: 11_399, errors: { 'lat.forbidden': 869, 'rating.max': 10 } },
  'courier-pings': { rows: 20_577, errors: { 'ordered.required': 13 }, warnings: { without_milliseconds: 3 } },
  'eia930-demand': { rows: 35 * 35_064 },
  'eia930-acronyms': { rows: 76 },
  // Six zones; each autumn hour that stands twice is two hours, and none is lost.
  'pjm-hourly': { rows: 603_496 },
  'charged-volume': { rows: 4392 },
};

test('every contract that comes with the project is shown on its file', () => {
  const files = readdirSync(join(projectRoot(), 'config', 'contracts')).map((file) => file.replace(/\.yaml$/, ''));
  expect(files.sort()).toEqual(Object.keys(DIRT).sort());
});

needs('data').describe('the real dirty files', () => {
  test.each(Object.entries(DIRT))('%s: counts of dirt are those of the catalogue (S2.8, S3.3)', async (name, dirt) => {
    const source = await loadContract(name);
    const found: Validation = await validate({ name, source, place: { root: dataFolder() } });
    expect(found.validated_records + found.failed_records).toBe(dirt.rows);
    expect(Object.fromEntries(found.errors.map(({ rule, rows }) => [rule, rows]))).toEqual(dirt.errors ?? {});
    expect(found.warnings).toMatchObject(dirt.warnings ?? {});
    expect(found).toMatchObject({ is_valid: dirt.errors === undefined, accepted: true });
  });
});
