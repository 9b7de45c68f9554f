import { chmod, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { beforeAll, expect, test } from 'vitest';
import type { Manifest, RunSummary } from '../../client/index.js';
import { temporaryFolder } from '../support/home.js';
import { dataFolder, needs } from '../support/needs.js';
import { readReference, refreshOnce } from '../support/real-files.js';
import { differences, faultsOf } from '../support/snapshots.js';

/** What another implementation of the same job found in the same files. */
interface Reference {
  steps: Record<string, number>;
  checks: Record<string, number>;
  metrics: { operators_own_forecast: Record<string, number> };
}

const PIPELINE = 'energy';
const LOGICAL_TIME = '2026-02-20T14:30:22.000Z';
const OPERATORS = 'energy/eia930/ba';
const MINUTES = 60_000;
/** Sums of floating-point columns depend on their order in the last digits. */
const SUM_TOLERANCE = 1e-9;

needs('data', 'engine').describe('the real files of energy', () => {
  let home = '';
  let inputs = '';
  let summary: RunSummary;
  let manifest: Manifest;

  const refreshIn = (folder: string) =>
    refreshOnce({ home: folder }, { pipeline: PIPELINE, logicalTime: LOGICAL_TIME, inputs });
  const stepOf = (id: string, of = manifest): Manifest['steps'][number] | undefined =>
    of.steps.find((step) => step.id === id);

  beforeAll(async () => {
    home = await temporaryFolder('energy');
    inputs = await temporaryFolder('energy-files');
    const files = (await readdir(join(dataFolder(), OPERATORS))).map((name) => join(OPERATORS, name));
    const zones = (await readdir(join(dataFolder(), 'energy/pjm'))).map((name) => join('energy/pjm', name));
    for (const file of [...files, ...zones]) {
      await mkdir(dirname(join(inputs, file)), { recursive: true });
      await cp(join(dataFolder(), file), join(inputs, file));
      await chmod(join(inputs, file), 0o644);
    }
    ({ summary, manifest } = await refreshIn(home));
  }, 8 * MINUTES);

  test('are refreshed to a whole snapshot without a model (S3.5, S3.8)', async () => {
    expect(summary).toMatchObject({ outcome: 'published', generation: 1, sample: false, model: null });
    expect(Object.keys(summary.stages)).toEqual(['ingest', 'validate', 'features', 'publish']);
    expect(await faultsOf(home, PIPELINE)).toEqual([]);
  });

  test('give the rows and sums that the reference gives (S3.2–S3.4)', async () => {
    const { steps, checks, metrics } = readReference<Reference>('energy');
    expect(stepOf('ingest/demand')).toMatchObject({ rowsOut: steps.eia_rows, facts: { files: steps.eia_files } });
    expect(stepOf('ingest/pjm')).toMatchObject({ rowsOut: steps.pjm_rows, facts: { files: steps.pjm_files } });
    expect(stepOf('validate/demand')?.rowsOut).toBe(steps.silver);
    expect(stepOf('validate/pjm')?.rowsOut).toBe(steps.pjm_silver);
    expect(manifest.quarantine).toEqual({});
    const found = await ask(
      home,
      `select
        (select count(*) from daily) as daily,
        (select count(*) from monthly) as monthly,
        (select count(*) from system_hourly) as system_hourly,
        (select count(*) from pjm_hourly) as pjm_silver,
        (select count(*) from missing_hours where dataset = 'demand') as missing_hours,
        (select count(*) from missing_hours where dataset = 'pjm') as pjm_missing_hours`,
    );
    for (const [name, value] of Object.entries(found)) expect([name, value]).toEqual([name, steps[name]]);
    const sums = await ask(
      home,
      `select
        (select sum(energy_mwh) from daily) as daily_energy_mwh,
        (select sum(load_factor) from daily) as daily_load_factor,
        (select sum(forecast_bad_hours) from daily) as daily_forecast_bad_hours,
        (select sum(peak_mw) from monthly) as monthly_peak_mw,
        (select sum(forecast_wape) from monthly) as monthly_forecast_wape,
        (select sum(operators) from system_hourly) as system_operators,
        (select median(forecast_wape) from daily) as daily_wape_median`,
    );
    const expected = { ...checks, daily_wape_median: metrics.operators_own_forecast.daily_wape_median };
    for (const [name, value] of Object.entries(expected))
      expect.soft(Math.abs((sums[name] ?? 0) / (value ?? 1) - 1), name).toBeLessThan(SUM_TOLERANCE);
  });

  test("have the operators' own forecasts among the figures that are published (S3.4)", () => {
    const { operators_own_forecast: expected } = readReference<Reference>('energy').metrics;
    const found = summary.metrics?.models.operators_own_forecast ?? {};
    for (const [name, value] of Object.entries(expected)) expect(found[name]).toBeCloseTo(value, 10);
    expect(summary.metrics).toMatchObject({
      champion: null,
      baselines: { z_score: { f1: expect.any(Number) as number } },
    });
  });

  test('lose no hour of the night in which the clocks go back (S3.3)', async () => {
    const zones = await ask(
      home,
      `select count(distinct zone) as zones, count(*) as hours from pjm_hourly
       where ts between '2017-11-05 04:00' and '2017-11-05 07:00'`,
    );
    expect(zones.hours).toBe((zones.zones ?? 0) * 4);
  });

  test('have flags that tell more than a naive z-score on operators by which no threshold was fixed (S3.3)', async () => {
    const score = (method: string, scope: string): Promise<Record<string, number>> =>
      ask(
        home,
        `select "precision", recall, f1 from flag_scores
         where operators = 'judged on' and method = '${method}' and scope = '${scope}'`,
      );
    const [own, naive] = [await score('own flags', 'with a value'), await score('z-score', 'with a value')];
    process.stderr.write(`flags: ${JSON.stringify(own)}, z-score: ${JSON.stringify(naive)}\n`);
    expect(own.precision).toBeGreaterThan(0.85);
    expect(own.recall).toBeGreaterThan(0.6);
    expect(own.f1).toBeGreaterThan(5 * (naive.f1 ?? 1));
    expect((await score('own flags', 'all')).f1).toBeGreaterThan((await score('z-score', 'all')).f1 ?? 1);
  });

  test('are told of by batch and by run (S3.10, S3.11)', () => {
    expect(manifest.sources.map(({ batch }) => batch)).toEqual(
      ['demand', 'pjm'].map((source) => ({
        batch_id: '20260220_143022',
        source,
        ingestion_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
        record_count: stepOf(`ingest/${source}`)?.rowsOut,
        checksum: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      })),
    );
    expect(manifest.pipelineMetrics).toEqual({
      records_in: 1_227_240 + 603_496,
      records_out: summary.outputs.reduce((sum, { rows }) => sum + (rows ?? 0), 0) / 2,
      duration_seconds: expect.any(Number) as number,
      errors: 0,
    });
  });

  test(
    'with one month corrected late make that month anew, and publish what a cold run publishes (S3.18, S3.21)',
    async () => {
      const file = join(inputs, OPERATORS, 'MISO.csv');
      const text = await readFile(file, 'utf8');
      await writeFile(file, text.replace(/^(2017-03-08 17:00:00,\d+,[A-Z_]+),\d+,/m, '$1,12345,'));
      const again = await refreshIn(home);
      expect(again.summary).toMatchObject({ outcome: 'published', generation: 2 });
      expect(stepOf('features/daily', again.manifest)?.partitions).toEqual({ all: 1715, made: 1 });
      expect(stepOf('features/monthly', again.manifest)?.partitions).toEqual({ all: 1715, made: 1 });
      expect(stepOf('features/system_hourly', again.manifest)?.partitions).toEqual({ all: 49, made: 1 });
      expect(stepOf('features/suspects', again.manifest)?.partitions).toEqual({ all: 35, made: 1 });
      const cold = await temporaryFolder('energy-cold');
      await refreshIn(cold);
      const unlike = (await differences(home, cold, PIPELINE)).filter((one) => /\.(parquet|csv)/.test(one));
      expect(unlike).toEqual([]);
    },
    8 * MINUTES,
  );
});

/** The only row of a query over the published tables, each a view by its name. */
async function ask(home: string, sql: string): Promise<Record<string, number>> {
  const latest = join(home, 'outputs', PIPELINE, 'latest').replaceAll("'", "''");
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  for (const name of ['daily', 'monthly', 'system_hourly', 'pjm_hourly', 'flag_scores', 'missing_hours'])
    await connection.run(`create view ${name} as from '${latest}/${name}.parquet'`);
  const [row = {}] = (await connection.runAndReadAll(sql)).getRowObjectsJson() as Record<string, unknown>[];
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value)]));
}
