import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder, temporaryHome } from '../../../support/home.js';
import { recordOf } from '../../../support/partitions.js';
import { openBench, runPlan } from '../../../support/run-plan.js';

const FOLDER = 'ev_demand/sessions';

const caltech = (session: string, start: string, end: string, energy: string): string =>
  [session, start, '', start, end, '', energy, '', '', '', '1-1', ''].join(',');
const norway = (location: string, session: string, start: string, end: string, energy: string): string =>
  `"${location}";"user";"${session}";${start};${end};1,5;${energy}`;
const trondheim = (session: number, garage: string, start: string, end: string, energy: string): string =>
  [session, garage, 'u', 'Private', 'NA', start, 0, end, 0, energy, '0,1', 'Oct', 'Sunday', '', ''].join(';');

const FILES = {
  'acn_caltech_sessions.csv': [
    'Session,ConnectionStartDateTime,ConnectionEndDateTime,ChargingStartDateTime,ChargingEndDateTime,Power,Energy,ConnectionHours,ChargingHours,FlexibilityHours,ChargingStation,UserID',
    caltech('two-hours', '2020-03-01T10:30:00Z', '2020-03-01T12:30:00Z', '8'),
    caltech('after-a-week', '2020-03-10T10:00:00Z', '2020-03-10T10:30:00Z', '5'),
    caltech('no-time', '2020-03-10T11:15:00Z', '2020-03-10T11:15:00Z', '3'),
    caltech('endless', '2020-03-02T00:00:00Z', '2021-04-06T00:00:00Z', '9'),
    caltech('backwards', '2020-03-05T10:00:00Z', '2020-03-05T09:00:00Z', '1'),
    caltech('tomorrow', '2041-03-05T10:00:00Z', '2041-03-05T11:00:00Z', '1'),
    caltech('comma', '2020-03-05T10:00:00Z', '2020-03-05T11:00:00Z', '"1,5"'),
    caltech('below-nothing', '2020-03-05T10:00:00Z', '2020-03-05T11:00:00Z', '-1'),
    caltech('two-hours', '2020-03-06T10:00:00Z', '2020-03-06T11:00:00Z', '1'),
    ...Array.from({ length: 600 }, (_, i) =>
      caltech(`s${i}`, `2020-03-11T${String(i % 20).padStart(2, '0')}:00:00Z`, '2020-03-11T23:00:00Z', '1'),
    ),
  ],
  'norway12_charging_reports.csv': [
    '"location";"user_id";"session_id";"plugin_time";"plugout_time";"connection_time";"energy_session"',
    norway('ONE', 'alone', '2020-05-01 10:00:00', '2020-05-01 11:00:00', '2,5'),
    // Clocks went back at three: both times were shown twice. It is taken to begin at the first and to end at the second.
    norway('CLOCK', 'twice', '2020-10-25 02:30:00', '2020-10-25 02:45:00', '4'),
    // They went forward at two: this was never shown.
    norway('CLOCK', 'never', '2020-03-29 02:30:00', '2020-03-29 04:00:00', '4'),
    norway('ZERO', 'nothing', '2020-06-01 10:00:00', '2020-06-01 12:00:00', '0'),
    norway('ZERO', 'nothing-again', '2020-06-02 10:00:00', '2020-06-02 12:00:00', '0'),
    norway('ONE', 'open', '2020-05-02 10:00:00', 'NA', '1'),
    ...Array.from({ length: 140 }, (_, i) =>
      norway(
        'MANY',
        `n${i}`,
        `2020-07-${String((i % 28) + 1).padStart(2, '0')} 08:00:00`,
        '2020-07-29 09:00:00',
        '0,5',
      ),
    ),
  ],
  'trondheim_charging_reports.csv': [
    'session_ID;Garage_ID;User_ID;User_type;Shared_ID;Start_plugin;Start_plugin_hour;End_plugout;End_plugout_hour;El_kWh;Duration_hours;month_plugin;weekdays_plugin;Plugin_category;Duration_category',
    trondheim(1, 'G', '21.12.2018 10:20', '21.12.2018 10:23', '0,3'),
  ],
};

test('of sessions as nobody would wish for them the broken are put aside by name, and no energy of the others is lost (S1.1, S1.2)', async () => {
  const inputs = await temporaryFolder('sessions');
  await mkdir(join(inputs, FOLDER), { recursive: true });
  for (const [name, lines] of Object.entries(FILES))
    await writeFile(join(inputs, FOLDER, name), `${lines.join('\n')}\n`);
  const bench = await openBench({ home: await temporaryHome() });
  onTestFinished(() => bench.close());
  const ran = await runPlan(bench, {
    pipeline: 'ev-demand',
    inputs,
    only: ['features'],
    overrides: { site: '%' },
  });

  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const rowsOf = async (ref: { uri: string }, select: string) =>
    (await connection.runAndReadAll(`select ${select} from '${join(bench.home, ref.uri)}'`)).getRowObjectsJson();

  const aside = async (source: string): Promise<string[]> => {
    const { quarantine } = recordOf(ran, `validate/${source}`);
    if (quarantine === undefined) return [];
    return (await rowsOf(quarantine, '"row", rule')).map(({ row, rule }) => `${row} ${rule}`);
  };
  expect(await aside('caltech')).toEqual([
    '4 not_endless',
    '5 in_order',
    '6 charge_start.notAfter',
    '7 energy.type',
    '8 energy.min',
    '9 session.unique',
  ]);
  expect(await aside('norway')).toEqual(['3 charge_start.clock']);
  expect(await aside('trondheim')).toEqual([]);

  const hourly = recordOf(ran, 'features/hourly').tables.hourly;
  if (hourly === undefined) throw new Error('there is no table of hours');
  const rows = await rowsOf(
    hourly,
    "series, strftime(ts, '%Y-%m-%dT%H:%M:%SZ') as ts, kwh, n_sessions::int as n_sessions",
  );
  const total = new Map<unknown, number>();
  for (const { series, kwh } of rows) total.set(series, (total.get(series) ?? 0) + (Number(kwh) || 0));
  expect([...total].map(([series, kwh]) => [series, Number(kwh.toFixed(9))])).toEqual([
    ['caltech', 616],
    ['norway-CLOCK', 4],
    ['norway-MANY', 70],
    ['norway-ONE', 2.5],
    ['norway-ZERO', 0],
    ['trondheim-G', 0.3],
  ]);

  const at = (series: string, time: string) => rows.find((row) => row.series === series && row.ts === time);
  expect(at('caltech', '2020-03-01T10:00:00Z')).toMatchObject({ kwh: 2 });
  expect(at('caltech', '2020-03-01T11:00:00Z')).toMatchObject({ kwh: 4 });
  // A session without length gives all it has to its hour; a week without one is an observed week of zeros.
  expect(at('caltech', '2020-03-10T11:00:00Z')).toMatchObject({ kwh: 3 });
  expect(at('caltech', '2020-03-05T10:00:00Z')).toMatchObject({ kwh: 0, n_sessions: 0 });
  expect(at('norway-CLOCK', '2020-10-25T00:00:00Z')).toMatchObject({ kwh: (4 * 30) / 75 });
  expect(at('norway-CLOCK', '2020-10-25T01:00:00Z')).toMatchObject({ kwh: (4 * 45) / 75 });
  // One row, and the 24 hours to come.
  expect(rows.filter(({ series }) => series === 'trondheim-G')).toHaveLength(25);
});
