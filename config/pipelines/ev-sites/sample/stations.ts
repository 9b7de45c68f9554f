import { growth, Random, runningTotals } from '../../../samples.js';
import { type Atlas, type County, countiesAround, insideCounty, shoreOf } from './atlas.js';
import { direction } from './country.js';
import { type LonLat, moved, roundedPoint } from './geometry.js';
import type { Tract } from './tracts.js';

const STATIONS = 4000;
const OFFSHORE = 16;

/**
 * Stretches of registration ids, both ends included, and the share of all stations in each. The cuts are those of the
 * pipeline: 150000 and 171475 bound the backtest's target, a bulk import ends before 183461, where "new" begins.
 */
const ERAS = [
  { from: 1_517, to: 149_999, share: 0.343 },
  { from: 150_000, to: 171_475, share: 0.217 },
  { from: 171_476, to: 183_460, share: 0.208 },
  { from: 183_461, to: 204_572, share: 0.232 },
];

export interface Station {
  id: number;
  /** The tract it was put in; -1 where it lies in none. */
  tract: number;
  point: LonLat;
}

/**
 * Stations in order of registration. Each next one either joins an earlier one (so that what exists foretells what comes)
 * or goes where people are dense, well off and not yet served; every tract also has a liking of its own that no file tells.
 */
export function registerStations(atlas: Atlas, tracts: Tract[], seed: number): Station[] {
  const random = new Random(seed, 'stations');
  const liking = tracts.map((tract) => (tract.land === 0 ? 0 : growth(0.55 * random.normal()) * attraction(tract)));
  const held = new Float64Array(tracts.length);
  const stations: Station[] = [];
  let totals = runningTotals(liking);
  const ids = registrationIds(random);
  for (const id of ids) {
    // What a tract has dampens its pull; brought up to date every hundred registrations, as owners learn of it late.
    if (stations.length % 100 === 0)
      totals = runningTotals(liking.map((weight, i) => weight / (1 + 0.15 * (held[i] as number))));
    const earlier = random.chance(0.4) ? stations[random.integer(0, stations.length - 1)] : undefined;
    const at = earlier?.tract ?? random.weighted(totals);
    const tract = tracts[at] as Tract;
    const next = earlier !== undefined && random.chance(0.4);
    const reach = next ? 0.15 : Math.min(8, 0.5 * Math.sqrt(tract.land / 1e6 / Math.PI));
    const point = near(atlas.counties[tract.county] as County, next ? earlier.point : tract.point, reach, random);
    held[at] = (held[at] as number) + 1;
    stations.push({ id, tract: at, point });
  }
  soil(atlas, tracts, stations, random);
  return stations;
}

/** Dense and well off places draw stations, the one more where the other is. */
const attraction = ({ density, wealth, urbanity }: Tract): number =>
  Math.sqrt(density + 0.0002) * growth(0.8 * wealth + 1.5 * urbanity);

/** Ascending ids without a repeat: each era is cut into equal slots, one id drawn in each. */
function registrationIds(random: Random): number[] {
  const counts = ERAS.map(({ share }) => Math.round(share * STATIONS));
  counts[0] = STATIONS - counts.slice(1).reduce((sum, count) => sum + count, 0);
  return ERAS.flatMap(({ from, to }, era) => {
    const count = counts[era] as number;
    const slot = (to - from + 1) / count;
    return Array.from({ length: count }, (_, i) => from + Math.floor((i + random.next()) * slot));
  });
}

/** A point some way from another, in the same county; the other itself where none is found. */
function near(county: County, point: LonLat, reachKm: number, random: Random): LonLat {
  for (let tries = 0; tries < 8; tries++) {
    const [east, north] = direction(random);
    const km = Math.abs(random.normal()) * reachKm;
    const moving = roundedPoint(moved(point, km * east, km * north));
    if (insideCounty(county, moving)) return moving;
  }
  return point;
}

/** The dirt of the real file, at seeded rows: a longitude of 0, two far out at sea, some a little off the shore. */
function soil(atlas: Atlas, tracts: Tract[], stations: Station[], random: Random): void {
  const rows = random.shuffle([...stations.keys()]);
  const replace = (point: LonLat): void => {
    const station = stations[rows.pop() as number] as Station;
    station.tract = -1;
    station.point = point;
  };
  replace([0, stations[rows.at(-1) as number]?.point[1] ?? 0]);
  replace(roundedPoint([-66 + random.next(), 33 + random.next()]));
  replace(roundedPoint([-132 + random.next(), 37 + random.next()]));
  const settled = [...new Set(tracts.map(({ county }) => county))];
  const isSettled = new Set(settled);
  for (let found = 0; found < OFFSHORE; ) {
    const county = atlas.counties[settled[random.integer(0, settled.length - 1)] as number] as County;
    const shore = shoreOf(atlas, county, random);
    // Whichever county within reach is nearest must have a tract to put the station in.
    if (shore === undefined || !countiesAround(atlas, shore.water, 0.15).every((at) => isSettled.has(at))) continue;
    replace(shore.water);
    found++;
  }
}

const SITES = 200;

/** Places that a customer asks about: near where people live, not only where stations are. */
export function proposeSites(atlas: Atlas, tracts: Tract[], seed: number): LonLat[] {
  const random = new Random(seed, 'sites');
  const totals = runningTotals(tracts.map(({ land, urbanity }) => (land === 0 ? 0 : 0.3 + urbanity)));
  return Array.from({ length: SITES }, () => {
    const tract = tracts[random.weighted(totals)] as Tract;
    return near(atlas.counties[tract.county] as County, tract.point, 3, random);
  });
}
