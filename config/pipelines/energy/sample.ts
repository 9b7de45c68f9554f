import { GeorefreshError } from '../../errors.js';
import { Random, type SampleSource } from '../../samples.js';

/** The published demo's. */
const SEED = 20_190_902;

const HOUR = 3_600_000;
/** A Monday; the clocks of New York go back in the night to the 3rd of November. */
const FIRST = Date.UTC(2019, 8, 2);
const HOURS = 100 * 24;
/** When the offset of New York goes from four hours to five, in hours from the first. */
const AUTUMN = (Date.UTC(2019, 10, 3, 6) - FIRST) / HOUR;

/** Invented operators, by their size in MW. */
const OPERATORS: Readonly<Record<string, number>> = {
  ALDR: 900,
  BIRC: 4200,
  CEDR: 350,
  ELMS: 12_000,
  HAZL: 2100,
  LIND: 30_000,
  OAKS: 650,
  PINE: 7800,
};
const ZONES: Readonly<Record<string, number>> = { NORTH: 6200, SOUTH: 14_500 };

/** Share of the day's peak by hour, of a place five hours behind. */
const SHAPE = [93, 90, 84, 77, 71, 67, 65, 64, 65, 68, 73, 78, 81, 83, 84, 85, 86, 87, 89, 92, 96, 100, 99, 96];

const ofOperator = (name: string): string => `energy/eia930/ba/${name}.csv`;
const ofZone = (name: string): string => `energy/pjm/${name}_hourly.csv`;

const stamp = (at: number): string => new Date(at).toISOString().slice(0, 19).replace('T', ' ');

/** Whole MW hour by hour: a course of the day, less at weekends, and a weather that changes slowly. */
function loads(random: Random, size: number): number[] {
  let weather = 0;
  return Array.from({ length: HOURS }, (_, hour) => {
    weather = 0.97 * weather + 0.012 * random.normal();
    const isWeekend = Math.floor(hour / 24) % 7 >= 5;
    const usual = ((SHAPE[hour % 24] ?? 0) / 100) * (isWeekend ? 0.92 : 1) * (1 + weather);
    return Math.max(1, Math.round(size * usual * (1 + 0.006 * random.normal())));
  });
}

/** What went wrong with an hour's value before it was published, and how the publisher marked it. */
interface Flaw {
  hours: number;
  mark: string;
  raw(load: number, loads: readonly number[], from: number): number | string;
}

const FLAWS: readonly Flaw[] = [
  { hours: 14, mark: 'MISSING', raw: () => 'MISSING' },
  { hours: 3, mark: 'MISSING', raw: () => 'EMPTY' },
  { hours: 2, mark: 'NEG_OR_ZERO', raw: () => 0 },
  { hours: 1, mark: 'LOCAL_DEM_UP', raw: (load) => 3 * load },
  { hours: 1, mark: 'LOCAL_DEM_DOWN', raw: (load) => Math.round(load / 4) },
  { hours: 1, mark: 'GLOBAL_DEM', raw: (load) => 25 * load },
];

function operatorFile(seed: number, name: string, size: number): string {
  const random = new Random(seed, `operator ${name}`);
  const cleaned = loads(random, size);
  const raw: (number | string)[] = [...cleaned];
  const marks = cleaned.map(() => 'OKAY');
  for (const { hours, mark, raw: spoil } of FLAWS) {
    const from = random.integer(48, HOURS - 48);
    for (let hour = from; hour < from + hours; hour++) {
      if (marks[hour] !== 'OKAY') continue;
      raw[hour] = spoil(cleaned[hour] ?? 0, cleaned, from);
      marks[hour] = mark;
    }
  }
  const lines = cleaned.map((load, hour) => {
    const forecast = random.chance(0.004) ? 'MISSING' : Math.round(load * (1 + 0.03 * random.normal()));
    return [stamp(FIRST + hour * HOUR), raw[hour], marks[hour], load, forecast].join(',');
  });
  // An hour that was told too low at first, and corrected in the next line.
  const at = random.integer(100, HOURS - 100);
  const [time, , , load = 0, forecast] = (lines[at] ?? '').split(',');
  lines.splice(
    at,
    0,
    [time, Math.round(Number(load) * 0.9), 'OKAY', Math.round(Number(load) * 0.9), forecast].join(','),
  );
  return `date_time,raw demand (MW),category,cleaned demand (MW),forecast demand (MW)\n${lines.join('\n')}\n`;
}

/** Stamps name the end of an hour by the clock of New York, months are not in order, one hour is lacking. */
function zoneFile(seed: number, name: string, size: number): string {
  const random = new Random(seed, `zone ${name}`);
  const lacking = random.integer(200, 400);
  const lines = loads(random, size).flatMap((load, hour) => {
    const offset = hour < AUTUMN ? 4 : 5;
    return hour === lacking ? [] : [`${stamp(FIRST + (hour + 1 - offset) * HOUR)},${load}.0`];
  });
  const half = 24 * 40;
  return `Datetime,${name}_MW\r\n${[...lines.slice(half), ...lines.slice(0, half)].join('\r\n')}\r\n`;
}

/** The demo's inputs: a hundred days of eight invented operators and two zones. An unknown path throws GR-2001. */
export const sample: SampleSource = {
  seed: SEED,
  files: [...Object.keys(OPERATORS).map(ofOperator), ...Object.keys(ZONES).map(ofZone)].sort(),
  generate(path, seed = SEED) {
    const operator = Object.entries(OPERATORS).find(([name]) => ofOperator(name) === path);
    const zone = Object.entries(ZONES).find(([name]) => ofZone(name) === path);
    if (operator === undefined && zone === undefined)
      throw new GeorefreshError('GR-2001', `${path} is not among the sample's files`, { where: [{ file: path }] });
    const text = operator === undefined ? zoneFile(seed, ...(zone ?? ['', 0])) : operatorFile(seed, ...operator);
    return new TextEncoder().encode(text);
  },
};
