import { appendFile, cp, mkdir } from 'node:fs/promises';
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
  metrics: {
    sessions: Record<string, Record<string, number>>;
    /** By model and hours ahead. */
    sessions_horizons: Record<string, Record<string, Record<string, number>>>;
  };
}

const PIPELINE = 'ev-demand';
const SESSIONS = 'ev_demand/sessions/acn_caltech_sessions.csv';
const LOGICAL_TIME = '2026-01-06T06:00:00.000Z';
const MINUTES = 60_000;

/** Sums of floating-point columns depend on their order in the last digits. */
const SUM_TOLERANCE = 1e-6;
/** Errors may be lower than the reference's, or higher by this share: bins of trees are cut elsewhere. */
const ERROR_TOLERANCE = 0.01;

/** The 22 inputs of the model, by name and in their order. */
const INPUTS = [
  ...['n_sessions_lag1', 'avg_kwh_lag1', 'hour_of_day', 'day_of_week', 'month', 'is_weekend', 'hour_sin', 'hour_cos'],
  ...['dow_sin', 'dow_cos', 'month_sin', 'month_cos', 'lag_1', 'lag_24', 'lag_168', 'diff_lag1', 'roll_mean_3h'],
  ...['roll_mean_6h', 'roll_mean_24h', 'roll_std_24h', 'roll_mean_168h', 'hour_dow_mean'],
];

needs('data', 'engine').describe('the real sessions of ev-demand', () => {
  let home = '';
  let inputs = '';
  let summary: RunSummary;
  let manifest: Manifest;

  const refreshIn = (folder: string) =>
    refreshOnce({ home: folder }, { pipeline: PIPELINE, logicalTime: LOGICAL_TIME, inputs });

  beforeAll(async () => {
    home = await temporaryFolder('demand');
    inputs = await temporaryFolder('sessions');
    await mkdir(dirname(join(inputs, SESSIONS)), { recursive: true });
    await cp(join(dataFolder(), SESSIONS), join(inputs, SESSIONS));
    ({ summary, manifest } = await refreshIn(home));
  }, 8 * MINUTES);

  test('are refreshed to a whole snapshot', async () => {
    expect(summary).toMatchObject({ outcome: 'published', generation: 1, sample: false });
    expect(await faultsOf(home, PIPELINE)).toEqual([]);
  });

  test('give the rows, the inputs and their sums that the reference gives (S1.2, S1.3)', async () => {
    const { steps, checks } = readReference<Reference>('ev_demand');
    expect(manifest.steps.find(({ id }) => id === 'validate/caltech')?.rowsOut).toBe(steps.sessions);
    // With the 24 hours that are to be foretold.
    expect(manifest.steps.find(({ id }) => id === 'features/hourly')?.rowsOut).toBe(
      (steps.session_grid_hours ?? 0) + 24,
    );
    const names = Object.keys(checks).flatMap((name) => (name.startsWith('sessions_') ? [name.slice(9)] : []));
    const answers = await ask(
      home,
      'features',
      `select count(*) as n, ${names.map((name) => `sum(${name})::double as ${name}`).join(', ')} from t`,
    );
    expect(answers[0]?.n).toBe(steps.session_feature_rows);
    for (const name of names) {
      const [found, sum] = [Number(answers[0]?.[name]), checks[`sessions_${name}`] ?? 0];
      expect
        .soft(Math.abs(found - sum) / Math.abs(sum), `${name}: ${found} against ${sum}`)
        .toBeLessThan(SUM_TOLERANCE);
    }
    const card = manifest.steps.find(({ id }) => id === 'train/model');
    expect(card?.facts?.champion).toMatch(/^boost_/);
    const columns = (await ask(home, 'features', 'describe t')).map(({ column_name: name }) => name);
    expect(new Set(columns)).toEqual(new Set(['series', 'ts', 'kwh', ...INPUTS]));
  });

  test('give metrics at least as good as the reference on the same test hours (S1.4, S1.5)', () => {
    const { metrics } = readReference<Reference>('ev_demand');
    for (const [ours, theirs] of [
      ['linear', 'linear'],
      ['tree', 'tree'],
      ['boost_depthwise', 'boost_depthwise'],
      ['boost_leafwise', 'boost_leafwise'],
      ['lag_1', 'baseline_lag_1'],
      ['lag_168', 'baseline_lag_168'],
    ] as const) {
      const found = { ...summary.metrics?.models, ...summary.metrics?.baselines }[`${ours}_test`];
      const expected = metrics.sessions[theirs];
      for (const metric of ['mae', 'rmse', 'mase'])
        expect
          .soft(found?.[metric], `${ours} ${metric}`)
          .toBeLessThan((expected?.[metric] ?? 0) * (1 + ERROR_TOLERANCE));
      expect.soft(found?.r2, `${ours} r2`).toBeGreaterThan((expected?.r2 ?? 1) - ERROR_TOLERANCE);
    }
  });

  test('give 24 hours ahead whose ranges hold what they say, better than any model of the reference (S1.5)', async () => {
    const ahead = await ask(
      home,
      'forecast',
      'select p10 <= p50 and p50 <= p90 as ordered, p10 >= 0 as positive from t',
    );
    expect(ahead).toEqual(Array.from({ length: 24 }, () => ({ ordered: true, positive: true })));
    const horizons = await ask(
      home,
      'horizon_errors',
      'select horizon::double as h, coverage, mae, mae_lag_168 from t order by 1',
    );
    expect(horizons.map(({ h }) => h)).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
    const models = Object.values(readReference<Reference>('ev_demand').metrics.sessions_horizons);
    for (const { h, coverage, mae, mae_lag_168: naive } of horizons) {
      const best = Math.min(...models.map((model) => model[String(h)]?.mae ?? 0));
      expect.soft(mae, `${h} hours ahead, against ${best}`).toBeLessThanOrEqual(best);
      expect.soft(coverage).toBeGreaterThan(0.7);
      expect.soft(coverage).toBeLessThan(0.9);
      expect.soft(mae).toBeLessThan(Number(naive));
    }
  });

  test(
    'of a new day change what depends on them, and give what a cold run gives (S3.21)',
    async () => {
      const row =
        'N1,2021-09-14T16:00:00Z,2021-09-14T20:00:00Z,2021-09-14T16:10:00Z,2021-09-14T19:00:00Z,2,5.5,4,2.8,1.2,x,y';
      await appendFile(join(inputs, SESSIONS), `${row}\n`);
      const again = await refreshIn(home);
      expect(again.summary).toMatchObject({ outcome: 'published', generation: 2 });
      const reused = again.manifest.steps.filter((step) => step.reused).map(({ id }) => id);
      // The other sources are as they were; what was learned from hours long past is too.
      expect(reused).toEqual(expect.arrayContaining(['validate/norway', 'validate/trondheim']));
      const cold = await temporaryFolder('demand-cold');
      await refreshIn(cold);
      // The card and the report tell of the model's number in its home, which is another one there.
      const unlike = (await differences(home, cold, PIPELINE)).filter((one) =>
        /\.(parquet|csv|onnx)|metrics/.test(one),
      );
      expect(unlike).toEqual([]);
    },
    12 * MINUTES,
  );
});

/** Rows of a query over a published table, called `t`. */
async function ask(home: string, output: string, sql: string): Promise<Record<string, unknown>[]> {
  const file = join(home, 'outputs', PIPELINE, 'latest', `${output}.parquet`).replaceAll("'", "''");
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(`create view t as from '${file}'`);
  const rows = (await connection.runAndReadAll(sql)).getRowObjectsJson() as Record<string, unknown>[];
  return rows.map((one) =>
    Object.fromEntries(
      Object.entries(one).map(([key, value]) => [
        key,
        typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value,
      ]),
    ),
  );
}
