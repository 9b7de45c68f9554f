import { GeorefreshError } from '../../errors.js';
import { Random, runningTotals, type SampleSource } from '../../samples.js';

const PATH = 'ev_demand/sessions/acn_caltech_sessions.csv';
/** The published demo's. */
const SEED = 20_201_130;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A Monday. */
const FIRST_DAY = Date.UTC(2021, 2, 1);
const DAYS = 150;
/** Nobody could charge for a week: hours of nothing that were observed. */
const CLOSED = { from: 80, to: 87 };

/** How many cars come in each hour of a working day and of the weekend, UTC of a place eight hours behind. */
const WORKDAY = [3, 4, 3, 2, 1, 1, 1, 1, 0, 0, 0, 0, 1, 3, 8, 14, 12, 7, 5, 5, 5, 4, 3, 3];
const WEEKEND = [2, 2, 2, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 3, 4, 4, 4, 3, 3, 2];

const stamp = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;
const hours = (from: number, to: number): string => ((to - from) / HOUR).toFixed(2);

/** Sessions of a car park that fills on working mornings; a session ends when the car is full or driven away. */
function sessionsFile(seed: number): string {
  const random = new Random(seed, 'sessions');
  const arrivals = { workday: runningTotals(WORKDAY), weekend: runningTotals(WEEKEND) };
  const connected: number[] = [];
  let mood = 0;
  for (let day = 0; day < DAYS; day++) {
    if (day >= CLOSED.from && day < CLOSED.to) continue;
    const isWeekend = day % 7 >= 5;
    // A busy day is often followed by another one.
    mood = 0.7 * mood + 0.1 * random.normal();
    const cars = Math.max(0, Math.round((isWeekend ? 14 : 44) * (1 + mood) * (1 + day / 600)));
    for (let car = 0; car < cars; car++) {
      const hour = random.weighted(isWeekend ? arrivals.weekend : arrivals.workday);
      connected.push(FIRST_DAY + day * DAY + hour * HOUR + random.integer(0, 59) * MINUTE);
    }
  }
  connected.sort((a, b) => a - b);
  const rows = connected.map((begin, i) => {
    const stay = Math.round((0.5 + 9 * random.next() * random.next() + 2 * random.next()) * 60) * MINUTE;
    const power = 1.5 + 5 * random.next();
    const wanted = 3 + 25 * random.next() * random.next();
    const charging = Math.min(stay, Math.max(1, Math.round((wanted / power) * 60)) * MINUTE);
    // One car in eight hundred is full when it comes: it takes nothing, in no time.
    const ended = random.chance(1 / 800) ? begin : begin + charging;
    const energy = ended === begin ? 0 : (power * charging) / HOUR;
    const cells = [`S${i + 1}`, stamp(begin), stamp(begin + stay), stamp(begin), stamp(ended), power.toFixed(2)];
    cells.push(energy.toFixed(2), hours(begin, begin + stay), hours(begin, ended), hours(ended, begin + stay));
    cells.push(
      `1-1-${random.integer(170, 199)}-${random.integer(800, 830)}`,
      String(random.integer(1, 400)).padStart(9, '0'),
    );
    return cells.join(',');
  });
  const header =
    'Session,ConnectionStartDateTime,ConnectionEndDateTime,ChargingStartDateTime,ChargingEndDateTime,Power,Energy,ConnectionHours,ChargingHours,FlexibilityHours,ChargingStation,UserID';
  return `${header}\n${rows.join('\n')}\n`;
}

/** The demo's input: about five thousand invented sessions of five months. An unknown path throws GR-2001. */
export const sample: SampleSource = {
  seed: SEED,
  files: [PATH],
  generate(path, seed = SEED) {
    if (path !== PATH)
      throw new GeorefreshError('GR-2001', `${path} is not among the sample's files`, { where: [{ file: path }] });
    return new TextEncoder().encode(sessionsFile(seed));
  },
};
