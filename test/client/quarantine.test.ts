import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { rowsOf } from '../../activities/publish/steps/outputs.js';
import { exportRows, neutral, original } from '../../client/broken-rows.js';
import { readQuarantine, replayRows } from '../../client/quarantine.js';
import { readTable } from '../../lake/tables.js';
import { temporaryFolder, temporaryHome } from '../support/home.js';
import { type Change, inPartitionsBy, madeOf, recordOf, smallSetting } from '../support/partitions.js';
import { openBench, type Ran, runPlan } from '../support/run-plan.js';
import { smallFiles, writeSmallPipeline } from '../support/small-pipeline.js';

test('a text is neutral to spreadsheets and comes back as it was; numbers stay numbers', () => {
  for (const formula of ['=cmd|calc', '+1+2', '-1+2', '@SUM(A1)', '\t=1']) expect(neutral(formula)).toBe(`'${formula}`);
  for (const plain of ['-85.5', '+3', '-1e5', 'x=1', '']) expect(neutral(plain)).toBe(plain);
  const texts = fc.string({
    unit: fc.constantFrom("'", '=', '-', '+', '@', '1', '.', 'e', ',', 'x', '\t'),
    maxLength: 8,
  });
  fc.assert(
    fc.property(texts, (text) => {
      expect(original(neutral(text))).toBe(text);
      expect(neutral(text)).not.toMatch(/^[=@\t\r]/);
    }),
    { seed: 20260220 },
  );
});

const sourceRows = ({ records }: Ran, id: string) => records.find((one) => one.id === id);

test('rows are exported, mended and replayed; a mend is for the row that it was made of (S2.8)', async () => {
  const folder = await temporaryFolder();
  const [header = '', ...rows] = smallFiles()['shops.csv'].trimEnd().split('\n');
  // Two rows that break the contract: one to be mended, one a formula that nobody may run.
  const broken = [...rows, '900001,=cmd|calc,1.5', '900002,1.5,'];
  const files = { 'shops.csv': `${[header, ...broken].join('\n')}\n` };
  const change = (definition: { sources: Record<string, Record<string, unknown>> }): void => {
    for (const source of Object.values(definition.sources)) source.maxQuarantinedShare = 0.5;
  };
  const small = await writeSmallPipeline(folder, { files, change });
  const bench = await openBench({ home: await temporaryHome(), pipelines: [small.pipelines] });
  onTestFinished(() => bench.close());
  const refresh = () => runPlan(bench, { pipeline: small.name, inputs: small.inputs });
  const first = await refresh();
  const before = sourceRows(first, 'validate/shops')?.rowsOut ?? 0;

  const all = await readQuarantine(bench.lake.store, small.name, { source: 'shops' });
  const own = all.filter(({ row }) => row > rows.length);
  expect(own.map(({ file, row, rule }) => [file, row, rule])).toEqual([
    ['shops.csv', rows.length + 1, 'lon.type'],
    ['shops.csv', rows.length + 2, 'lat.required'],
  ]);
  expect(JSON.parse(own[0]?.raw ?? '')).toEqual({ ID: '900001', Longitude: '=cmd|calc', Latitude: '1.5' });
  expect(await readQuarantine(bench.lake.store, small.name, { rule: 'lon' })).toEqual([own[0]]);

  const file = join(folder, 'broken.csv');
  await exportRows(own, file);
  const text = await readFile(file, 'utf8');
  expect(text).toContain("'=cmd|calc");
  await writeFile(file, text.replace("'=cmd|calc", '1.5'));
  expect(await replayRows(bench.lake.store, small.name, ['shops'], file)).toEqual({ shops: 2 });

  const second = await refresh();
  expect(sourceRows(second, 'validate/shops')).toMatchObject({ rowsOut: before + 1, rowsIn: broken.length });
  expect(sourceRows(second, 'validate/shops')?.facts).toEqual({ 'rule:lat.required': 1 });
  const table = sourceRows(second, 'validate/shops')?.tables.shops;
  if (table === undefined) throw new Error('no table of shops');
  const mended = rowsOf(await readTable(bench.lake, table)).find(({ id }) => id === 900_001);
  expect(mended).toMatchObject({ lon: 1.5, lat: 1.5, _row: rows.length + 1 });

  // The file changes: its row has other cells now, and what the file says counts.
  await writeFile(
    join(small.inputs, 'shops.csv'),
    files['shops.csv'].replace('900001,=cmd|calc,1.5', '900001,0.5,0.5'),
  );
  const third = await refresh();
  expect(sourceRows(third, 'validate/shops')?.facts).toMatchObject({ overlay_stale: 1 });
  expect(sourceRows(third, 'validate/shops')).toMatchObject({ rowsOut: before + 1 });
}, 120_000);

test('a mended row remakes the partitions that it touches and no others, to what the mended file gives (S2.8, S0.12)', async () => {
  const change: Change = (definition) => {
    inPartitionsBy('region')(definition);
    for (const source of Object.values(definition.sources)) source.maxQuarantinedShare = 0.5;
  };
  const shops = smallFiles()['shops.csv'] ?? '';
  // Inside the south-western region, further from the others than the largest radius.
  const warm = await smallSetting(change, { 'shops.csv': `${shops}901,=cmd|calc,0.2\n` });
  const first = await warm.refresh();
  const own = (await readQuarantine(warm.bench.lake.store, warm.small.name, { rule: 'lon' })).filter(
    ({ row }) => row > 1,
  );
  expect(own.map(({ raw }) => JSON.parse(raw) as unknown)).toEqual([
    { ID: '901', Longitude: '=cmd|calc', Latitude: '0.2' },
  ]);
  const file = join(await temporaryFolder(), 'broken.csv');
  await exportRows(own, file);
  await writeFile(file, (await readFile(file, 'utf8')).replace("'=cmd|calc", '0.2'));
  await replayRows(warm.bench.lake.store, warm.small.name, ['shops'], file);
  const second = await warm.refresh({ run: 'mended' });

  const cold = await smallSetting(change, { 'shops.csv': `${shops}901,0.2,0.2\n` });
  const expected = await cold.refresh({ only: ['features'] });
  // The other moment knows only the shops whose ids are low.
  const id = 'features/known@later';
  expect(recordOf(second, id).tables).toEqual(recordOf(expected, id).tables);
  expect(madeOf(second, id)).toEqual(['sw']);
  expect(madeOf(first, id).length).toBeGreaterThan(3);
}, 120_000);

test('what is no export is refused, and so is a source that there is not', async () => {
  const folder = await temporaryFolder();
  const bench = await openBench({ home: await temporaryHome() });
  onTestFinished(() => bench.close());
  const file = join(folder, 'x.csv');
  await writeFile(file, 'a,b\n1,2\n');
  await expect(replayRows(bench.lake.store, 'p', ['x'], file)).rejects.toMatchObject({ code: 'GR-2002' });
  await exportRows([{ source: 'y', file: 'f', row: 1, rule: 'r', reason: '', raw: '{"a":"1"}' }], file);
  await expect(replayRows(bench.lake.store, 'p', ['x'], file)).rejects.toMatchObject({ code: 'GR-4011' });
  await expect(replayRows(bench.lake.store, 'p', ['x'], join(folder, 'none.csv'))).rejects.toMatchObject({
    code: 'GR-4011',
  });
  await expect(readQuarantine(bench.lake.store, 'p')).rejects.toMatchObject({ code: 'GR-4003' });
});
