import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { sample } from '../../../config/pipelines/energy/sample.js';
import { withTables } from '../../../lake/tables.js';
import { temporaryFolder, temporaryHome } from '../../support/home.js';
import { recordOf } from '../../support/partitions.js';
import { type Bench, openBench, type Ran, runPlan } from '../../support/run-plan.js';

const HOUR = 3_600_000;
/** The night in which New York's clocks go back lies within; and the border of a month. */
const FIRST = Date.UTC(2019, 9, 30);
const stamp = (at: number): string => new Date(at).toISOString().slice(0, 19).replace('T', ' ');

interface Row {
  ba: string;
  hour: number;
  raw: number | null;
  category: string;
  cleaned: number;
  forecast: number | null;
}

const cell = (value: number | null): string => (value === null ? 'MISSING' : String(value));

/** Inputs with these rows, in this order in the file of each operator. */
async function inputsOf(rows: readonly Row[], zones: Record<string, string> = {}): Promise<string> {
  const folder = await temporaryFolder('energy');
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  };
  for (const ba of new Set(rows.map((row) => row.ba))) {
    const lines = rows
      .filter((row) => row.ba === ba)
      .map((row) =>
        [stamp(FIRST + row.hour * HOUR), cell(row.raw), row.category, row.cleaned, cell(row.forecast)].join(','),
      );
    const header = 'date_time,raw demand (MW),category,cleaned demand (MW),forecast demand (MW)';
    await write(`energy/eia930/ba/${ba}.csv`, `${header}\n${lines.join('\n')}\n`);
  }
  const given = Object.keys(zones).length > 0 ? zones : { AEP: '2019-11-01 01:00:00,1.0' };
  for (const [zone, lines] of Object.entries(given))
    await write(`energy/pjm/${zone}_hourly.csv`, `Datetime,${zone}_MW\r\n${lines}\r\n`);
  return folder;
}

async function benchOf(): Promise<Bench> {
  const bench = await openBench({ home: await temporaryHome() });
  onTestFinished(() => bench.close());
  return bench;
}

const refresh = (bench: Bench, inputs: string, run = 'r'): Promise<Ran> =>
  runPlan(bench, { pipeline: 'energy', inputs, run, only: ['features'] });

/** Rows of a table as text, in its order. */
async function rowsOf({ lake }: Bench, ran: Ran, id: string, select = '*'): Promise<unknown[]> {
  const ref = Object.values(recordOf(ran, id).tables)[0];
  if (ref === undefined) throw new Error(`${id} left no table`);
  const { columns } = await lake.duckdb.session((session) =>
    withTables(lake, session, { t: ref }, () =>
      session.readColumns(`select to_json(x)::varchar as j from (select ${select} from t) as x`),
    ),
  );
  if (columns.j?.type !== 'text') throw new TypeError('expected texts');
  const { codes, dictionary } = columns.j;
  return Array.from(codes, (code) => JSON.parse(dictionary[code] ?? 'null') as unknown);
}

/** The definition of the days and months in plain words, row by row. */
function sumUp(rows: readonly Row[], periodOf: (at: number) => string): unknown[] {
  const latest = new Map<string, Row>();
  for (const row of rows) latest.set(`${row.ba} ${row.hour}`, row);
  const groups = new Map<string, Row[]>();
  for (const row of latest.values()) {
    const key = `${row.ba} ${periodOf(FIRST + row.hour * HOUR)}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, own]) => {
      own.sort((a, b) => a.hour - b.hour);
      const sum = (of: (row: Row) => number): number => own.reduce((total, row) => total + of(row), 0);
      const energy = sum(({ cleaned }) => cleaned);
      const peak = Math.max(...own.map(({ cleaned }) => cleaned));
      const good = own.filter(({ forecast }) => (forecast ?? 0) > 0);
      const base = good.reduce((total, { cleaned }) => total + cleaned, 0);
      const missed = good.reduce((total, { cleaned, forecast }) => total + Math.abs((forecast ?? 0) - cleaned), 0);
      return {
        ba: key.slice(0, 3),
        period: key.slice(4),
        energy_mwh: energy,
        peak_mw: peak,
        peak_hour: stamp(FIRST + (own.find(({ cleaned }) => cleaned === peak)?.hour ?? 0) * HOUR),
        load_factor: peak === 0 ? null : energy / own.length / peak,
        forecast_wape: base === 0 ? null : missed / base,
        forecast_bad_hours: own.length - good.length,
        not_okay_share: own.filter(({ category }) => category !== 'OKAY').length / own.length,
      };
    });
}

const rounded = (rows: unknown[]): unknown[] =>
  JSON.parse(
    JSON.stringify(rows, (_, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(12)) : value)),
  ) as unknown[];

const row = fc.record<Row>({
  ba: fc.constantFrom('AAA', 'BBB', 'CCC'),
  hour: fc.integer({ min: 0, max: 5 * 24 }),
  raw: fc.option(fc.integer({ min: -5, max: 2000 })),
  category: fc.constantFrom('OKAY', 'OKAY', 'MISSING', 'DELTA'),
  cleaned: fc.integer({ min: 0, max: 2000 }),
  forecast: fc.option(fc.integer({ min: -100, max: 2000 })),
});

const SHOWN = 'ba, #, energy_mwh, peak_mw, peak_hour, load_factor, forecast_wape, forecast_bad_hours, not_okay_share';

test('days, months and hours of generated rows with duplicates and gaps are those of the definition read row by row, the last of equal hours counts, and every missing hour is listed (S3.3, S3.4)', async () => {
  const cases = fc.sample(fc.array(row, { minLength: 1, maxLength: 400 }), { numRuns: 5, seed: 8 });
  const bench = await benchOf();
  for (const [i, rows] of cases.entries()) {
    // Beyond a tenth of duplicates the source is refused: rows that repeat others are thinned out.
    const seen = new Map<string, number>();
    let repeats = 0;
    const few = rows.filter(({ ba, hour }) => {
      const key = `${ba} ${hour}`;
      const before = seen.get(key) ?? 0;
      if (before > 0 && ++repeats > rows.length / 20) return false;
      seen.set(key, before + 1);
      return true;
    });
    const ran = await refresh(bench, await inputsOf(few), `r${i}`);
    const daily = await rowsOf(bench, ran, 'features/daily', SHOWN.replace('#', "strftime(day, '%Y-%m-%d') as period"));
    expect(rounded(daily)).toEqual(rounded(sumUp(few, (at) => stamp(at).slice(0, 10))));
    const monthly = await rowsOf(
      bench,
      ran,
      'features/monthly',
      SHOWN.replace('#', "strftime(month, '%Y-%m') as period"),
    );
    expect(rounded(monthly)).toEqual(rounded(sumUp(few, (at) => stamp(at).slice(0, 7))));

    const latest = new Map(few.map((one) => [`${one.ba} ${one.hour}`, one]));
    const byHour = new Map<number, { demand_mw: number; operators: number }>();
    for (const { hour, cleaned } of latest.values()) {
      const { demand_mw = 0, operators = 0 } = byHour.get(hour) ?? {};
      byHour.set(hour, { demand_mw: demand_mw + cleaned, operators: operators + 1 });
    }
    expect(await rowsOf(bench, ran, 'features/system_hourly')).toEqual(
      [...byHour].sort(([a], [b]) => a - b).map(([hour, sums]) => ({ ts: stamp(FIRST + hour * HOUR), ...sums })),
    );
    const missing = ['AAA', 'BBB', 'CCC'].flatMap((series) => {
      const hours = [...latest.values()].filter(({ ba }) => ba === series).map(({ hour }) => hour);
      const [low, high] = [Math.min(...hours), Math.max(...hours)];
      return Array.from({ length: Math.max(0, high - low) }, (_, at) => low + at)
        .filter((hour) => !hours.includes(hour))
        .map((hour) => ({ dataset: 'demand', series, ts: stamp(FIRST + hour * HOUR) }));
    });
    expect(await rowsOf(bench, ran, 'features/missing_hours')).toEqual(missing);
  }
}, 180_000);

test('both hours that the clock shows twice in autumn are kept, the first in daylight time; duplicates are looked for in UTC (S3.3)', async () => {
  const night = ['00:00', '01:00', '02:00', '02:00', '03:00'].map((time, i) => `2019-11-03 ${time}:00,${i + 1}.0`);
  // Years and days are not in order, and an hour is corrected by a later line.
  const lines = [
    '2019-11-04 01:00:00,9.0',
    ...night,
    '2019-03-10 02:00:00,7.0',
    '2019-03-10 04:00:00,8.0',
    '2019-11-04 01:00:00,10.0',
  ];
  const bench = await benchOf();
  const rows = [{ ba: 'AAA', hour: 0, raw: 1, category: 'OKAY', cleaned: 1, forecast: 1 }];
  // One row of ten is put aside, which the contract just allows.
  const more = Array.from({ length: 4 }, (_, i) => `2019-11-05 0${i + 1}:00:00,1.0`);
  const ran = await refresh(bench, await inputsOf(rows, { AEP: [...lines, ...more].join('\r\n') }));
  expect(recordOf(ran, 'validate/pjm').facts).toMatchObject({ 'rule:once_an_hour': 1 });
  expect((await rowsOf(bench, ran, 'features/pjm_hourly')).slice(0, 8)).toEqual(
    [
      ['2019-03-10 06:00:00', 7],
      ['2019-03-10 07:00:00', 8],
      ['2019-11-03 03:00:00', 1],
      ['2019-11-03 04:00:00', 2],
      ['2019-11-03 05:00:00', 3],
      ['2019-11-03 06:00:00', 4],
      ['2019-11-03 07:00:00', 5],
      ['2019-11-04 05:00:00', 10],
    ].map(([ts, mw]) => ({ zone: 'AEP', ts, mw })),
  );
}, 60_000);

test('the sample has the dirt of the real files, and all of it is found (S3.2, S3.3)', async () => {
  const folder = await temporaryFolder('energy');
  for (const path of sample.files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), sample.generate(path));
  }
  const bench = await benchOf();
  const ran = await refresh(bench, folder);
  expect(recordOf(ran, 'validate/demand').facts).toEqual({ 'rule:once_an_hour': 8 });
  expect(recordOf(ran, 'features/missing_hours').rowsOut).toBe(2);
  const scores = await rowsOf(bench, ran, 'features/flag_scores', 'method, f1');
  const f1 = (method: string): number[] =>
    scores.flatMap((one) => ((one as { method: string }).method === method ? [(one as { f1: number }).f1] : []));
  for (const [i, own] of f1('own flags').entries()) expect(own).toBeGreaterThan(f1('z-score')[i] ?? 1);
}, 60_000);
