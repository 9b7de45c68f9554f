import { expect, onTestFinished, test } from 'vitest';
import { manifestOf } from '../../../activities/publish/manifest.js';
import { rowsOf } from '../../../activities/publish/steps/outputs.js';
import { readPointer } from '../../../lake/pointer.js';
import { readRun } from '../../../lake/runs.js';
import { readTable } from '../../../lake/tables.js';
import { temporaryFolder, temporaryHome } from '../../support/home.js';
import { headerOf, inputOf, openBench, perform, runPlan } from '../../support/run-plan.js';
import { writeSmallPipeline } from '../../support/small-pipeline.js';

test('what a run leaves: raw cells of the rows put aside, and steps that may be repeated', async () => {
  const small = await writeSmallPipeline(await temporaryFolder());
  const bench = await openBench({ home: await temporaryHome(), pipelines: [small.pipelines] });
  onTestFinished(() => bench.close());
  const { plan, records, summary } = await runPlan(bench, { pipeline: small.name, inputs: small.inputs });
  const header = headerOf(small.name);

  const files = records.find(({ id }) => id === 'publish/outputs')?.tables ?? {};
  const aside = rowsOf(await readTable(bench.lake, files['file:quarantine.parquet']!));
  expect(aside.map(({ source, row, rule }) => [source, row, rule])).toEqual([
    ['shops', 150, 'region.assign'],
    ['shops', 300, 'region.assign'],
  ]);
  expect(JSON.parse(String(aside[0]?.raw))).toMatchObject({ ID: '150', Longitude: '9.00000' });

  // The answer of a publication was lost, and it is tried again: the pointer does not move a second time.
  const before = await readPointer(bench.lake.store, small.name);
  const others = records.filter(({ id }) => id !== 'publish/snapshot');
  const input = { ...inputOf(plan, header, 'publish/snapshot', others), steps: others };
  const again = await perform(bench.activities.publish, input);
  expect(again.facts).toEqual(records.find(({ id }) => id === 'publish/snapshot')?.facts);
  expect(await readPointer(bench.lake.store, small.name)).toEqual(before);

  const concluded = await perform(bench.activities.conclude, { header, plan, steps: records, outcome: 'unchanged' });
  expect({ ...concluded, seconds: 0 }).toEqual({ ...summary, seconds: 0 });
});

test('manifests list steps by stage and name, in whatever order they ended', async () => {
  const step = (id: string) => ({
    id,
    stage: id.split('/')[0] as 'ingest',
    tables: {},
    artifacts: {},
    rowsIn: 1,
    rowsOut: 1,
    facts: {},
    inputs: [],
    began: 0,
    ended: 0,
    seconds: 1,
    attempt: 1,
    reused: false,
    why: [],
  });
  const ids = ['train/b', 'ingest/z', 'ingest/a', 'features/t'];
  for (const order of [ids, [...ids].reverse()]) {
    const made = manifestOf({
      header: headerOf('demo'),
      sample: true,
      steps: order.map(step),
      outcome: 'published',
      metrics: null,
    });
    expect(made.steps.map(({ id }) => id)).toEqual(['ingest/a', 'ingest/z', 'features/t', 'train/b']);
  }
});

test.each(['failed', 'cancelled'] as const)(
  'a run that %s before it had a plan leaves a manifest too',
  async (outcome) => {
    const bench = await openBench({ home: await temporaryHome() });
    onTestFinished(() => bench.close());
    const header = headerOf('demo', { run: `run-${outcome}` });
    const error = { code: 'GR-2001', message: '1 source' };
    const summary = await perform(bench.activities.conclude, { header, steps: [], outcome, error });
    expect(summary).toMatchObject({ outcome, outputs: [], generation: null, model: null });
    expect(await readRun(bench.lake.store, 'demo', header.run)).toMatchObject({ outcome, error, steps: [] });
  },
);
