import { GeorefreshError } from '../../errors.js';
import { Random, type SampleSource } from '../../samples.js';

/** The published demo's. */
const SEED = 20_230_401;

const HOUR = 3_600_000;
/** A Saturday. */
const FIRST = Date.UTC(2023, 3, 1);
const HOURS = 35 * 24;

/** Stations of each city, and how many of them have opened. */
const CITIES = new Map([
  ['ev_demand/charged/MEL/volume.csv', { stations: 63, open: 14 }],
  ['ev_demand/charged/SPO/volume.csv', { stations: 47, open: 10 }],
]);

/** Share of the day's peak by hour. */
const SHAPE = [2, 1, 1, 1, 1, 2, 4, 7, 9, 8, 7, 7, 8, 8, 7, 7, 8, 9, 10, 9, 7, 5, 4, 3];

/** One station hour by hour: most hours much like the one before, a third of them without a car, one station never used. */
function volumes(seed: number, name: string, place: number): string[] {
  const random = new Random(seed, name);
  const size = place === 2 ? 0 : 4 + 40 * random.next() * random.next() * random.next() * 4;
  let level = 0;
  return Array.from({ length: HOURS }, (_, hour) => {
    const isWeekend = Math.floor(hour / 24) % 7 < 2;
    const usual = (size * (SHAPE[hour % 24] ?? 0) * (isWeekend ? 0.7 : 1)) / 10;
    level = 0.6 * level + 0.4 * (usual + 0.3 * size * random.normal());
    return random.chance(0.2) ? '0.0' : Math.max(0, level).toFixed(6);
  });
}

function wideFile(seed: number, path: string, { stations, open }: { stations: number; open: number }): string {
  // Columns in the order of their names as text, as the real files have them.
  const names = Array.from({ length: stations }, (_, i) => String(i)).sort();
  const columns = names.map((name) =>
    Number(name) < open ? volumes(seed, `${path} ${name}`, Number(name)) : undefined,
  );
  const lines = Array.from({ length: HOURS }, (_, hour) => {
    const stamp = new Date(FIRST + hour * HOUR).toISOString().slice(0, 19).replace('T', ' ');
    return [stamp, ...columns.map((column) => column?.[hour] ?? '')].join(',');
  });
  return `${['', ...names].join(',')}\n${lines.join('\n')}\n`;
}

/** The demo's inputs: five weeks of invented energy of two cities, wide, most stations not opened yet. An unknown path throws GR-2001. */
export const sample: SampleSource = {
  seed: SEED,
  files: [...CITIES.keys()].sort(),
  generate(path, seed = SEED) {
    const city = CITIES.get(path);
    if (city === undefined)
      throw new GeorefreshError('GR-2001', `${path} is not among the sample's files`, { where: [{ file: path }] });
    return new TextEncoder().encode(wideFile(seed, path, city));
  },
};
