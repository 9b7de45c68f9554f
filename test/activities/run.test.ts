import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { MetricsTable } from '../../activities/train/evaluate.js';
import { temporaryFolder, temporaryHome } from '../support/home.js';
import { type Bench, openBench, type Ran, runPlan } from '../support/run-plan.js';
import { type SmallPipeline, writeSmallPipeline } from '../support/small-pipeline.js';
import { differences, faultsOf } from '../support/snapshots.js';

async function benchOn(options: { threads?: number; pipelines?: string[] } = {}): Promise<Bench> {
  const bench = await openBench({ home: await temporaryHome(), ...options });
  onTestFinished(() => bench.close());
  return bench;
}

async function refreshed(small: SmallPipeline, threads = 2): Promise<Ran & { bench: Bench; folder: string }> {
  const bench = await benchOn({ threads, pipelines: [small.pipelines] });
  const ran = await runPlan(bench, { pipeline: small.name, inputs: small.inputs });
  return { ...ran, bench, folder: join(bench.home, 'outputs', small.name, 'latest') };
}

test('a pipeline whose sources, tables and columns have other names gives the same outputs but for the names', async () => {
  const plain = await writeSmallPipeline(await temporaryFolder());
  // Another order of the alphabet, too: nothing may depend on what comes first by name.
  const naming = (name: string): string => `q${[...name].reverse().join('').replaceAll('_', 'X')}`;
  const renamed = await writeSmallPipeline(await temporaryFolder(), { naming, name: 'other-name' });
  const [a, b] = [await refreshed(plain), await refreshed(renamed)];

  for (const output of ['blocks_out', 'regions_out']) {
    const [header = '', ...rows] = (await readFile(join(a.folder, `${output}.csv`), 'utf8')).split('\n');
    const [other = '', ...others] = (await readFile(join(b.folder, `${naming(output)}.csv`), 'utf8')).split('\n');
    const kept = new Set(['lon', 'lat']);
    expect(other).toBe(
      header
        .split(',')
        .map((name) => (kept.has(name) ? name : naming(name)))
        .join(','),
    );
    expect(others).toEqual(rows);
    expect(rows.length).toBeGreaterThan(3);
  }
  const points = async (folder: string, name: string) =>
    (JSON.parse(await readFile(join(folder, `${name}.geojson`), 'utf8')) as { features: Record<string, object>[] })
      .features;
  const valuesOf = (features: Record<string, object>[]) =>
    features.map(({ properties, ...rest }) => ({ ...rest, values: Object.values(properties ?? {}) }));
  expect(valuesOf(await points(b.folder, naming('best')))).toEqual(valuesOf(await points(a.folder, 'best')));
  expect(await points(a.folder, 'best')).toHaveLength(10);

  const [ours, theirs] = [a.summary.metrics, b.summary.metrics] as [MetricsTable, MetricsTable];
  const renameKeys = (metrics: MetricsTable['models'], name: (key: string) => string) =>
    Object.fromEntries(
      Object.entries(metrics).map(([key, values]) => [
        name(key),
        Object.fromEntries(Object.entries(values).map(([m, v]) => [naming(m), v])),
      ]),
    );
  expect(theirs.champion).toBe(naming(ours.champion));
  expect(theirs.models).toEqual(
    renameKeys(ours.models, (key) =>
      key
        .split(/_(?=again)/)
        .map(naming)
        .join('_'),
    ),
  );
  expect(theirs.baselines).toEqual(renameKeys(ours.baselines, naming));
  expect(b.summary.quarantined).toBe(a.summary.quarantined);
});

test('a run leaves whole outputs, and says what it read, put aside and made (S0.7, S0.9, S3.10)', async () => {
  const small = await writeSmallPipeline(await temporaryFolder());
  const { bench, folder, summary, records } = await refreshed(small);
  expect(summary).toMatchObject({ outcome: 'published', generation: 1, sample: false, quarantined: 2 });
  expect((await readdir(folder)).sort()).toEqual(
    [
      ...['best.geojson', 'blocks_out.csv', 'blocks_out.parquet', 'manifest.json', 'metrics.json', 'model-card.md'],
      ...['model.onnx', 'quarantine.parquet', 'regions_out.csv', 'regions_out.parquet', 'report.html'],
    ].sort(),
  );
  expect(await faultsOf(bench.home, small.name)).toEqual([]);
  expect(records.find(({ id }) => id === 'validate/visits')).toMatchObject({ rowsOut: 0, facts: { absent: 1 } });
  expect(records.some(({ id }) => id.startsWith('features/visited'))).toBe(false);
});

test('runs of one and of two threads leave the same bytes', async () => {
  const small = await writeSmallPipeline(await temporaryFolder());
  const [one, two] = [await refreshed(small, 1), await refreshed(small, 2)];
  expect(await differences(one.bench.home, two.bench.home, small.name)).toEqual([]);
});

test('two runs of the sample, of one and of two threads, leave the same bytes (S0.1)', async () => {
  const homes: string[] = [];
  for (const threads of [1, 2]) {
    const bench = await benchOn({ threads });
    const { summary } = await runPlan(bench, { pipeline: 'ev-sites', run: `run-with-${threads}-threads` });
    expect(summary).toMatchObject({ outcome: 'published', sample: true });
    homes.push(bench.home);
  }
  expect(await differences(homes[0] ?? '', homes[1] ?? '', 'ev-sites')).toEqual([]);
}, 300_000);

test('a run repeated on the same home is unchanged, and one of an earlier time superseded', async () => {
  const small = await writeSmallPipeline(await temporaryFolder());
  const { bench, summary } = await refreshed(small);
  const request = { pipeline: small.name, inputs: small.inputs };
  const again = await runPlan(bench, { ...request, run: 'second' });
  expect(again.summary).toMatchObject({ outcome: 'unchanged', generation: null, outputs: summary.outputs });
  const earlier = await runPlan(bench, { ...request, run: 'third', logicalTime: '2026-02-19T00:00:00.000Z' });
  expect(earlier.summary.outcome).toBe('superseded');
});
