import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { initPipeline } from '../../client/init.js';
import { temporaryFolder, temporaryHome } from '../support/home.js';
import { headerOf, openBench, perform, runSteps } from '../support/run-plan.js';

/** Runs every step of a pipeline on its sample; answers the names and rows of what it publishes. */
async function refreshed(pipelines: string, name: string): Promise<Record<string, number>> {
  const bench = await openBench({ home: await temporaryHome(), pipelines: [pipelines] });
  onTestFinished(() => bench.close());
  const header = headerOf(name);
  const plan = await perform(bench.activities.resolve, header);
  const records = await runSteps(bench, plan, header);
  const outputs = records.find(({ id }) => id === 'publish/outputs');
  return Object.fromEntries(Object.entries(outputs?.tables ?? {}).map(([file, { rows }]) => [file, rows]));
}

test('a new pipeline runs at once, without a file of anybody', async () => {
  const pipelines = await temporaryFolder('pipelines');
  const files = await initPipeline({ name: 'visits', pipelines });
  expect(files.map((file) => file.slice(join(pipelines, 'visits').length + 1)).sort()).toEqual([
    'pipeline.yaml',
    'rows.sql',
    'sample.csv',
    'sample.mjs',
    'visits.test.mjs',
  ]);
  expect(await refreshed(pipelines, 'visits')).toMatchObject({ 'file:rows.parquet': 40 });
});

test('a new pipeline has the columns of a file that nobody has seen, marks, gaps and names as they are', async () => {
  const pipelines = await temporaryFolder('pipelines');
  const from = join(await temporaryFolder('file'), 'rides of may.csv');
  const rows = Array.from(
    { length: 30 },
    (_, i) => `r${i};2024-05-${String(i + 1).padStart(2, '0')};${i},5;;"a ""b"""`,
  );
  await writeFile(from, `Ride Id;Day;Km (net);Note;select\n${rows.join('\n')}\n`);
  await initPipeline({ name: 'rides-2', pipelines, from });
  expect(await refreshed(pipelines, 'rides-2')).toMatchObject({ 'file:rows.parquet': 30 });
  const yaml = await readFile(join(pipelines, 'rides-2', 'pipeline.yaml'), 'utf8');
  expect(yaml).toContain('uri: rides-2/rides of may.csv');
});

test('a pipeline that is there already is left as it is, and a name that cannot be is refused', async () => {
  const pipelines = await temporaryFolder('pipelines');
  await initPipeline({ name: 'visits', pipelines });
  await expect(initPipeline({ name: 'visits', pipelines })).rejects.toMatchObject({ code: 'GR-1001' });
  await expect(initPipeline({ name: '../visits', pipelines })).rejects.toMatchObject({ code: 'GR-1001' });
  await expect(initPipeline({ name: 'other', pipelines, from: '/nowhere.csv' })).rejects.toMatchObject({
    code: 'GR-4011',
  });
});

test('what cannot be finished leaves nothing in the way of the next attempt', async () => {
  const pipelines = await temporaryFolder('pipelines');
  const from = join(await temporaryFolder('file'), 'visits.json');
  await writeFile(from, '[{"place":"p1","visits":3}]');
  await expect(initPipeline({ name: 'visits', pipelines, from })).rejects.toMatchObject({ code: 'GR-2002' });
  expect(await initPipeline({ name: 'visits', pipelines })).toHaveLength(5);
});
