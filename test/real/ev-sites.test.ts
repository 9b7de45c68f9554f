import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Manifest, RunSummary } from '../../client/index.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { temporaryFolder } from '../support/home.js';
import { dataFolder, needs } from '../support/needs.js';
import { readReference, refreshOnce } from '../support/real-files.js';
import { differences, faultsOf } from '../support/snapshots.js';
import { isAgain, isBeginOf } from '../support/steps.js';

/** What another implementation of the same job found in the same files. */
interface Reference {
  steps: Record<string, number>;
  checks: Record<string, number>;
  metrics: Record<string, Record<string, number>>;
  /** A stronger model's figures, and how far those of two equal models may lie apart by chance. */
  stronger: { metrics: Record<string, number>; standard_error_of_gain: Record<string, Record<string, number>> };
}

const PIPELINE = 'ev-sites';
const LOGICAL_TIME = '2026-01-06T06:00:00.000Z';
const MINUTES = 60_000;

/** Sums of floating-point columns depend on their order in the last digits. */
const SUM_TOLERANCE = 1e-6;
/** Metrics may be better than the reference's, or worse by this. */
const METRIC_TOLERANCE = 0.01;

needs('data', 'engine').describe('the real files of ev-sites', () => {
  let home = '';
  let summary: RunSummary;
  let manifest: Manifest;

  const refreshIn = async (folder: string, act: (cluster: Cluster) => Promise<void>): Promise<RunSummary> => {
    const options = { home: folder, env: { GEOREFRESH_HEARTBEAT_TIMEOUT: '5s' } };
    const request = { pipeline: PIPELINE, logicalTime: LOGICAL_TIME, inputs: dataFolder() };
    const done = await refreshOnce(options, request, act);
    manifest = done.manifest;
    return done.summary;
  };

  beforeAll(async () => {
    home = await temporaryFolder('real');
    summary = await refreshIn(home, async () => undefined);
  }, 15 * MINUTES);

  test('are refreshed to a whole snapshot', async () => {
    expect(summary).toMatchObject({ outcome: 'published', generation: 1, sample: false });
    expect(await faultsOf(home, PIPELINE)).toEqual([]);
  });

  describe('give what the reference gives:', () => {
    let reference: Reference;
    let answers: Record<string, number>;
    beforeAll(async () => {
      reference = readReference<Reference>('ev_sites');
      answers = await ask(home, manifest);
    });

    test('rows at each step, exactly', () => {
      const counts = countsOf(manifest, answers);
      const expected = Object.fromEntries(Object.keys(counts).map((name) => [name, reference.steps[name]]));
      expect(counts).toEqual(expected);
    });

    test(`sums of the feature columns, to ${SUM_TOLERANCE} of each`, () => {
      for (const [name, sum] of Object.entries(reference.checks)) {
        const found = answers[`sum_${name}`] ?? Number.NaN;
        expect.soft(Math.abs(found - sum) / sum, `${name}: ${found} against ${sum}`).toBeLessThan(SUM_TOLERANCE);
      }
    });

    test(`ridge's capture, NDCG and AUC, and those of the baselines, at most ${METRIC_TOLERANCE} lower`, () => {
      const { metrics } = summary;
      for (const [ours, theirs] of [
        [metrics?.models.ridge, reference.metrics.ridge],
        [metrics?.models.ridge_state_folds, reference.metrics.ridge_state_folds],
        [metrics?.baselines.baseline_existing_tract, reference.metrics.baseline_existing_tract],
        [metrics?.baselines.baseline_existing_tract_1mi_5mi, reference.metrics.baseline_existing_tract_1mi_5mi],
      ]) {
        for (const [metric, value] of Object.entries(theirs ?? {})) {
          // Spearman is shown, but judges nothing.
          if (metric === 'spearman' || value === null) continue;
          expect.soft(ours?.[metric], metric).toBeGreaterThan(value - METRIC_TOLERANCE);
        }
      }
    });

    test('those of Poisson boosting by counties, by states and by the backtest, at most a standard error lower (S1.4)', () => {
      const error = reference.stronger.standard_error_of_gain.over_lgbm_poisson;
      for (const suffix of ['', '_state_folds', '_backtest']) {
        const ours = summary.metrics?.models[`boost_poisson${suffix}`];
        for (const [metric, value] of Object.entries(reference.metrics[`lgbm_poisson${suffix}`] ?? {})) {
          if (metric === 'spearman') continue;
          const lowest = value - (error?.[metric] ?? METRIC_TOLERANCE);
          expect.soft(ours?.[metric], `${metric}${suffix}`).toBeGreaterThan(lowest);
        }
      }
    });

    test('a champion above the stronger reference by counties, and above its boosting by states and by the backtest (S1.4)', () => {
      const { champion, models } = summary.metrics ?? {
        champion: '',
        models: {} as Record<string, Record<string, number | null>>,
      };
      for (const [suffix, theirs] of [
        ['', reference.stronger.metrics],
        ['_state_folds', reference.metrics.lgbm_poisson_state_folds],
        ['_backtest', reference.metrics.lgbm_poisson_backtest],
      ] as const) {
        const ours = models[`${champion}${suffix}`];
        for (const metric of ['capture_10pct', 'ndcg_1000'])
          expect.soft(ours?.[metric], `${metric}${suffix}`).toBeGreaterThan(theirs?.[metric] ?? Number.NaN);
      }
    });
  });

  test(
    'come out the same, byte for byte, when a worker is killed in features (F1)',
    async () => {
      const disturbed = await temporaryFolder('real-killed');
      const undisturbed = manifest;
      let retried = 0;
      const result = await refreshIn(disturbed, async (cluster) => {
        const { pid } = await cluster.log.until(isBeginOf('features/tract_features@train/part-1'), 'the step begins');
        await cluster.signal(pid, 'SIGKILL');
        await cluster.log.until(isAgain, 'a step is tried again');
        retried = cluster.log.count((line) => isAgain(line) && line.step?.startsWith('features/') === true);
      });
      expect(result.outcome).toBe('published');
      expect(retried).toBeGreaterThan(0);
      expect(await faultsOf(disturbed, PIPELINE)).toEqual([]);
      expect(await differences(home, disturbed, PIPELINE)).toEqual([]);
      manifest = undisturbed;
    },
    15 * MINUTES,
  );

  test(
    'are let go of within 2 s when the refresh is cancelled inside a kernel, and nothing is published (F11)',
    async () => {
      const cancelled = await temporaryFolder('real-cancelled');
      const cluster = await startCluster({ home: cancelled });
      try {
        const refresh = await cluster.client.refresh({ pipeline: PIPELINE, inputs: dataFolder() });
        await cluster.log.until(isBeginOf('features/tract_features@train/split'), 'the step begins');
        const at = Date.now();
        await refresh.cancel();
        await expect(refresh.result()).rejects.toMatchObject({ code: 'GR-3006' });
        const ends = cluster.log.lines().filter(({ event }) => event === 'step_cancelled');
        expect(ends.length).toBeGreaterThan(0);
        for (const { timestamp } of ends) expect(Date.parse(timestamp) - at).toBeLessThan(2_000);
        expect((await cluster.client.show(refresh.run)).outcome).toBe('cancelled');
        await expect(cluster.client.outputs(PIPELINE)).rejects.toMatchObject({ code: 'GR-4003' });
      } finally {
        await cluster.end();
      }
    },
    15 * MINUTES,
  );
});

/** Rows at each step under the reference's names. */
function countsOf({ steps, quarantine, outputs }: Manifest, answers: Record<string, number>): Record<string, unknown> {
  const step = (id: string) => steps.find((one) => one.id === id);
  const located = step('features/stations_located');
  const rowsOf = (name: string) => outputs.find((output) => output.name === name)?.rows;
  return {
    stations_raw: step('ingest/stations')?.rowsOut,
    quarantined_longitude_0: quarantine['stations: lon.forbidden'],
    quarantined_no_county_within_5km: quarantine['stations_located: county.assign'],
    stations_in_a_county: located?.facts?.county_inside,
    stations_to_nearest_county: located?.facts?.county_nearest,
    stations_kept: located?.rowsOut,
    tracts: rowsOf('tracts.parquet'),
    counties: rowsOf('counties.parquet'),
    msas: rowsOf('msas.parquet'),
    ...Object.fromEntries(Object.entries(answers).filter(([name]) => !name.startsWith('sum_'))),
  };
}

/** What only the tables themselves tell: counts under the reference's names, and sums of columns as `sum_<column>`. */
async function ask(home: string, { steps, outputs }: Manifest): Promise<Record<string, number>> {
  // Beside its table a step in partitions keeps a ledger of them.
  const made = new Map(
    steps.flatMap(({ id, outputs: kept }) =>
      Object.values(kept)
        .filter(({ uri }) => uri.endsWith('.parquet'))
        .map(({ uri }) => [id, uri]),
    ),
  );
  const of = (id: string): string => `read_parquet('${join(home, made.get(id) ?? id)}')`;
  const output = (name: string): string =>
    `read_parquet('${join(home, outputs.find((one) => one.name === name)?.uri ?? name)}')`;
  const [stations, train, backtest] = [
    of('features/stations_located'),
    of('features/tract_features@train'),
    of('features/tract_features@backtest'),
  ];
  const matched = (id: string): string => `(select count(*) from ${train} semi join ${of(id)} using (geoid))`;
  const sums = ['existing_1mi', 'existing_10mi', 'nearest_existing_m', 'tracts_5mi', 'new_stations'];
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(`select
      ${matched('validate/tract_access')} as "tracts_matched_tract-2019",
      ${matched('validate/tract_rurality')} as "tracts_matched_tract-ruca-2010",
      ${matched('validate/tract_social')} as "tracts_matched_tract-sdoh-2014",
      (select count(*) from ${train} where county in (select county from ${of('validate/county_attributes')})) as tracts_matched_county_table,
      (select sum(new_stations) from ${backtest}) as backtest_target,
      (select count(*) from ${stations} where id < 183461) as existing,
      (select count(*) from ${stations} where id >= 183461) as new,
      (select count(*) from ${train} where new_stations > 0) as tracts_with_new,
      (select count(*) from ${output('counties.parquet')} where cbsa is null) as counties_without_cbsa,
      ${sums.map((name) => `(select sum(${name}) from ${train}) as sum_${name}`).join(', ')}`);
    const row = reader.getRowObjects()[0] ?? {};
    return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value)]));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
