import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readCurrent } from '../../../lake/current.js';
import { type Change, recordOf, type Setting, smallSetting } from '../../support/partitions.js';
import { smallFiles } from '../../support/small-pipeline.js';

const visits = (days: readonly string[]): string =>
  `Visit,x,y,When\n${days.map((day, i) => `${i},0.5,0.5,${day}`).join('\n')}\n`;

/** The small pipeline, whose shops and visits get these parts of a contract. */
const holding =
  (shops: object, own: object = {}): Change =>
  ({ sources }) => {
    Object.assign(sources.shops ?? {}, shops);
    const { columns } = sources.visits ?? {};
    Object.assign(sources.visits ?? {}, own, {
      columns: { ...(columns as object), day: { from: 'When', type: 'date' } },
    });
  };

const shops = smallFiles()['shops.csv'] ?? '';
const [header = '', ...lines] = shops.trimEnd().split('\n');

const giveShops = ({ small }: Setting, many: number): Promise<void> =>
  writeFile(
    join(small.inputs, 'shops.csv'),
    `${[header, ...Array.from({ length: many }, (_, i) => `${i + 1},0.${100 + (i % 800)},0.5`)].join('\n')}\n`,
  );

const generationOf = async ({ bench, small }: Setting): Promise<number | undefined> =>
  (await readCurrent(bench.lake.store, small.name))?.pointer.generation;

test('a jump in the number of rows against past published runs refuses the source, and what is published stays (S2.10, S2.11)', async () => {
  const setting = await smallSetting(holding({ volume: { least: 0.5, most: 2, runs: 3 } }));
  await setting.refresh({ run: 'first' });
  const published = await generationOf(setting);
  await giveShops(setting, Math.floor(lines.length / 2) - 1);
  await expect(setting.refresh({ run: 'few' })).rejects.toMatchObject({ type: 'GR-2108' });
  await giveShops(setting, 2 * lines.length + 1);
  await expect(setting.refresh({ run: 'many' })).rejects.toMatchObject({
    type: 'GR-2108',
    message: expect.stringMatching(/shops has 801 rows, 400 in past runs; from 0.5 to 2 times/),
  });
  expect(await generationOf(setting)).toBe(published);
  await giveShops(setting, 2 * lines.length);
  await setting.refresh({ run: 'twice' });
  expect(await generationOf(setting)).toBe((published ?? 0) + 1);
}, 60_000);

test('a jump is only told where the contract says so (S2.10)', async () => {
  const setting = await smallSetting(holding({ volume: { least: 0.9, severity: 'warn' } }));
  const first = await setting.refresh({ run: 'first' });
  expect(recordOf(first, 'validate/shops').facts).not.toHaveProperty('warn:volume');
  await giveShops(setting, 200);
  const second = await setting.refresh({ run: 'second', only: ['validate'] });
  expect(recordOf(second, 'validate/shops').facts).toMatchObject({ 'warn:volume': 1 });
}, 60_000);

test('a source is refused when its newest value is older than the contract allows (S2.10)', async () => {
  const fresh = { column: 'day', within: '36h' };
  const setting = await smallSetting(holding({}, { freshness: fresh }), {
    'visits.csv': visits(['2026-02-17', '2026-02-19']),
  });
  // A day begins at midnight: 38 and a half hours before the run's logical time.
  await expect(setting.refresh({ run: 'late' })).rejects.toMatchObject({
    type: 'GR-2107',
    message: expect.stringMatching(/day of visits ends at 2026-02-19T00:00:00.000Z.*36 h are allowed/),
  });
  const ran = await setting.refresh({ run: 'early', logicalTime: '2026-02-20T11:59:00.000Z', only: ['validate'] });
  expect(recordOf(ran, 'validate/visits').facts).toMatchObject({ newest_seconds: 36 * 3600 - 60 });
}, 60_000);
