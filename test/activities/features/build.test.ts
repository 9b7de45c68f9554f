import { expect, onTestFinished, test } from 'vitest';
import { rowsOf } from '../../../activities/publish/steps/outputs.js';
import { readTable } from '../../../lake/tables.js';
import { temporaryFolder, temporaryHome } from '../../support/home.js';
import { headerOf, openBench, perform, runSteps } from '../../support/run-plan.js';
import { type SmallDefinition, writeSmallPipeline } from '../../support/small-pipeline.js';

/** Builds a table called `t` beside those of the small pipeline; answers its rows, and what its step tells. */
async function build(
  table: object,
  files: Record<string, string> = {},
  change?: (definition: SmallDefinition) => void,
) {
  const small = await writeSmallPipeline(await temporaryFolder(), {
    files,
    change: (definition) => {
      definition.features.t = table as Record<string, unknown>;
      change?.(definition);
    },
  });
  const bench = await openBench({ home: await temporaryHome(), pipelines: [small.pipelines] });
  onTestFinished(() => bench.close());
  const header = headerOf(small.name);
  const plan = await perform(bench.activities.resolve, { ...header, inputs: small.inputs, only: ['features'] });
  const records = await runSteps(bench, plan, header);
  const record = records.find(({ id }) => id.startsWith('features/t'));
  if (record === undefined) throw new Error('t was not built');
  const rows = async (ref = Object.values(record.tables)[0]) => rowsOf(await readTable(bench.lake, ref!));
  return { record, rows, records };
}

test('a table whose key does not name its rows is refused, with the first that is there twice', async () => {
  const building = build({ from: 'blocks', key: ['level'], steps: [{ derive: { one: '1' } }] });
  await expect(building).rejects.toMatchObject({
    type: 'GR-2105',
    message: expect.stringContaining('level') as string,
  });
});

test('steps may end in a key that is not there, or not unique, on the way', async () => {
  const { rows } = await build({
    from: 'blocks',
    key: ['band'],
    steps: [
      { derive: { band: 'cast(floor(rent * 4) as integer)' } },
      { rollup: { by: ['band'], add: { n: 'count()', rent: 'sum(rent)' } } },
    ],
  });
  const bands = (await rows()) as { band: number; n: number }[];
  expect(bands.map(({ band }) => band)).toEqual([0, 1, 2, 3]);
  expect(bands.reduce((sum, { n }) => sum + n, 0)).toBe(240);
});

test('rows put aside by one builder are not seen by the next, and each is named as its source has it', async () => {
  const { record, rows } = await build({
    from: 'shops',
    key: ['id'],
    steps: [
      { assign: { polygons: 'regions', as: 'region', unmatched: 'quarantine' } },
      { nearest: { to: 'blocks', where: '$cut < 0', take: { near: 'block' }, unmatched: 'null' } },
      { assign: { polygons: 'regions', where: "id = 'sw'", as: 'south_west', unmatched: 'quarantine' } },
      { rollup: { of: 'blocks', where: 'rent > 2', by: ['level'], on: ['id'], add: { none: 'count()' }, fill: 0 } },
    ],
  });
  const kept = (await rows()) as { id: number; lon: number; lat: number; region: string; near: null; none: number }[];
  expect(kept.every(({ lon, lat, near, none }) => lon <= 1 && lat <= 1 && near === null && none === 0)).toBe(true);
  expect(record.quarantine?.rows).toBe(400 - kept.length);
  const aside = (await rows(record.quarantine)) as { source: string; row: number; rule: string; reason: string }[];
  expect(aside.filter(({ rule }) => rule === 'region.assign').map(({ row }) => row)).toEqual([150, 300]);
  const ids = new Set(kept.map(({ id }) => id));
  // Shops are numbered in the order of their file.
  expect(aside.every(({ source, row }) => source === 'shops' && !ids.has(row))).toBe(true);
  expect(record.facts).toMatchObject({ 'rule:region.assign': 2, 'rule:south_west.assign': 398 - kept.length });
});

test("a parameter of a cut-off stands in the place of the definition's, in SQL and in where", async () => {
  const { rows, records } = await build({
    from: 'blocks',
    cutoffs: ['now', 'later'],
    key: ['block'],
    steps: [
      { derive: { bound: '$cut' } },
      { rollup: { of: 'shops', where: 'id < $cut', by: ['lon'], on: ['lon'], add: { n: 'count()' }, fill: 0 } },
    ],
  });
  for (const [cutoff, bound] of [
    ['now', 250],
    ['later', 100_000],
  ] as const) {
    const built = records.find(({ id }) => id === `features/t@${cutoff}`);
    expect((await rows(built?.tables[`t@${cutoff}`]))[0]).toMatchObject({ bound });
  }
});

test('a column that is not there is a fault of the definition, and not tried again', async () => {
  const building = build({
    from: 'blocks',
    key: ['block'],
    steps: [{ rollup: { by: ['block', 'colour'], add: { n: 'count()' } } }],
  });
  await expect(building).rejects.toMatchObject({ nonRetryable: true });
});

test('intervals become a grid, a series columns of its past, and wide columns rows (S1.2)', async () => {
  const sessions =
    'Start,End,Energy\n2020-03-29 00:30:00,2020-03-29 02:30:00,4\n2020-03-29 01:00:00,2020-03-29 01:00:00,1\n';
  const wide = 'ts,north,south\n2020-01-01 00:00:00,1,2\n2020-01-01 01:00:00,,4\n';
  const stamp = (from: string) => ({ from, type: 'timestamp', required: true });
  const { rows, records } = await build(
    {
      from: 'sessions',
      key: ['hour'],
      steps: [
        {
          resample: {
            from: 'start',
            to: 'until',
            every: '1h',
            time: 'hour',
            spread: { energy: 'energy' },
            begin: { started: 'start' },
            active: 'busy',
          },
        },
        { calendar: { time: 'hour', zone: 'Europe/Oslo', holidays: 'NO', add: { clock: 'hour', free: 'holiday' } } },
        {
          window: {
            time: 'hour',
            every: '1h',
            add: { before: 'lag(energy, 1)', both: 'mean(energy, 2)', so_far: 'expanding_mean(energy, free)' },
          },
        },
      ],
    },
    { 'sessions.csv': sessions, 'wide.csv': wide },
    (definition) => {
      const csv = (uri: string, columns: object) => ({ uri, format: 'csv', columns });
      definition.sources.sessions = csv('sessions.csv', {
        start: stamp('Start'),
        until: stamp('End'),
        energy: { from: 'Energy', type: 'double' },
      });
      definition.sources.wide = csv('wide.csv', {
        ts: stamp('ts'),
        north: { type: 'double' },
        south: { type: 'double' },
      });
      definition.features.long = {
        from: 'wide',
        key: ['name', 'ts'],
        steps: [{ unpivot: { keep: ['ts'], name: 'name', value: 'value' } }],
      };
    },
  );
  expect(
    (await rows()).map(({ clock, energy, started, busy, before, both, so_far, free }) => [
      clock,
      energy,
      started,
      busy,
      before,
      both,
      so_far,
      free,
    ]),
  ).toEqual([
    [1, 1, 1, 1, null, null, null, 0],
    [3, 3, 1, 2, 1, null, 1, 0],
    [4, 1, 0, 1, 3, 2, 2, 0],
  ]);
  // What is missing makes no row.
  const long = records.find(({ id }) => id === 'features/long');
  expect((await rows(long?.tables.long)).map(({ name, value }) => [name, value])).toEqual([
    ['north', 1],
    ['south', 2],
    ['south', 4],
  ]);
});
