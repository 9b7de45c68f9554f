import { growth, Random, runningTotals } from '../../../samples.js';
import { type Atlas, type County, insideCounty, pointIn } from './atlas.js';
import { distanceKm, KM_PER_DEGREE, type LonLat, moved, roundedPoint } from './geometry.js';
import { STATES } from './states.js';

/** A synthetic city and its surroundings: people fall off around the centre as 1 / (1 + (d / radius)^2)^2. */
export interface Metro {
  centre: LonLat;
  state: number;
  /** Inhabitants, hundred thousands. */
  people: number;
  radiusKm: number;
  /** About -1 to 1: how well off its people are. */
  wealth: number;
}

export interface CountyPeople {
  /** Inhabitants, hundred thousands. */
  people: number;
  /** Metros with their running totals of people given to this county; the rest of its people live anywhere in it. */
  metros: number[];
  totals: Float64Array;
  /** The metro most of its people belong to, or -1: rural, without a CBSA. */
  cbsa: number;
}

export interface Country {
  metros: Metro[];
  counties: CountyPeople[];
}

/** Share of each state's people who live in metros; what the map shows as clusters. */
const METRO_SHARE = 0.8;
/** Hundred thousands of people per metro, on average; the largest of a state come first and are larger. */
const PEOPLE_PER_METRO = 16;
const REACH_KM = 160;

/** The invisible country under all files: cities, and how many people live in each county because of which city. */
export function settle(atlas: Atlas, seed: number): Country {
  const random = new Random(seed, 'metros');
  const byState: number[][] = STATES.map(() => []);
  for (const [index, county] of atlas.counties.entries()) byState[county.state]?.push(index);
  const metros = byState.flatMap((members, state) => foundMetros(atlas, members, state, random));
  return { metros, counties: populate(atlas, byState, metros, new Random(seed, 'people')) };
}

function foundMetros(atlas: Atlas, members: number[], state: number, random: Random): Metro[] {
  const all = (STATES[state]?.people ?? 0) * METRO_SHARE;
  const count = Math.max(1, Math.round(all / (PEOPLE_PER_METRO * METRO_SHARE)));
  // Small counties are where cities are; below 300 km² they are cities with a county's rank and count once.
  const totals = runningTotals(members.map((index) => 1 / Math.sqrt(Math.max(300, atlas.counties[index]?.km2 ?? 0))));
  const sizes = Array.from({ length: count }, (_, rank) => 1 / (rank + 1.5));
  const scale = all / sizes.reduce((sum, size) => sum + size, 0);
  const metros: Metro[] = [];
  for (const size of sizes) {
    let centre: LonLat = [0, 0];
    for (let tries = 0; tries < 20; tries++) {
      centre = pointIn(atlas.counties[members[random.weighted(totals)] as number] as County, random);
      if (metros.every((other) => distanceKm(other.centre, centre) > 60)) break;
    }
    const people = size * scale;
    metros.push({
      centre,
      state,
      people,
      radiusKm: 5 + 2.5 * Math.sqrt(people),
      wealth: 0.5 * random.normal(),
    });
  }
  return metros;
}

/** A metro's pull at a distance, 1 at its centre. */
function pull(km: number, radiusKm: number): number {
  const x = km / radiusKm;
  const falling = 1 / (1 + x * x);
  return falling * falling;
}

function populate(atlas: Atlas, byState: number[][], metros: Metro[], random: Random): CountyPeople[] {
  const { counties } = atlas;
  const given = counties.map(() => ({ metros: [] as number[], people: [] as number[] }));
  for (const [index, metro] of metros.entries()) {
    const reached: number[] = [];
    const weights: number[] = [];
    for (const [at, county] of counties.entries()) {
      // A cheap box first: two hundred metros times three thousand counties.
      if (Math.abs(county.centre[1] - metro.centre[1]) * KM_PER_DEGREE > REACH_KM) continue;
      const km = distanceKm(county.centre, metro.centre);
      const home = insideCounty(county, metro.centre);
      if (km > REACH_KM && !home) continue;
      const halfWidth = Math.sqrt(county.km2) / 2;
      const spread = Math.min(county.km2, 4 * metro.radiusKm * metro.radiusKm);
      reached.push(at);
      weights.push(pull(home ? Math.min(km, metro.radiusKm / 2) : km, metro.radiusKm + halfWidth / 2) * spread);
    }
    const sum = weights.reduce((total, weight) => total + weight, 0);
    for (const [i, at] of reached.entries()) {
      given[at]?.metros.push(index);
      given[at]?.people.push((metro.people * (weights[i] as number)) / sum);
    }
  }
  const rural = counties.map(({ km2 }) => Math.sqrt(Math.sqrt(km2)) * growth(0.5 * random.normal()));
  for (const [state, members] of byState.entries()) {
    const share = (STATES[state]?.people ?? 0) * (1 - METRO_SHARE);
    const sum = members.reduce((total, at) => total + (rural[at] as number), 0);
    for (const at of members) rural[at] = ((rural[at] as number) * share) / sum;
  }
  return given.map(({ metros: near, people }, at) => {
    const urban = people.reduce((sum, n) => sum + n, 0);
    const first = people.reduce((best, n, i) => (n > (people[best] ?? 0) ? i : best), 0);
    const cbsa = (people[first] ?? 0) > 0.9 * (rural[at] as number) ? (near[first] as number) : -1;
    return { people: urban + (rural[at] as number), metros: near, totals: runningTotals(people), cbsa };
  });
}

/** A point of a county where one of its inhabitants lives. */
export function dwelling(country: Country, county: County, at: CountyPeople, random: Random): LonLat {
  const urban = at.totals[at.totals.length - 1] ?? 0;
  if (random.next() * at.people < urban) {
    const metro = country.metros[at.metros[random.weighted(at.totals)] as number] as Metro;
    for (let tries = 0; tries < 12; tries++) {
      // Inverse of the share of people within d of the centre, x / (1 + x) with x = (d / radius)^2.
      const u = random.next();
      const km = metro.radiusKm * Math.sqrt(u / (1 - u));
      const [east, north] = direction(random);
      const point = roundedPoint(moved(metro.centre, km * east, km * north));
      if (insideCounty(county, point)) return point;
    }
  }
  return pointIn(county, random);
}

/** A direction without an angle: a point of the disc, brought to length one. */
export function direction(random: Random): [east: number, north: number] {
  for (;;) {
    const x = random.between(-1, 1);
    const y = random.between(-1, 1);
    const square = x * x + y * y;
    if (square > 1 || square < 1e-4) continue;
    const length = Math.sqrt(square);
    return [x / length, y / length];
  }
}

/** Inhabitants (hundred thousands) per km² at a point, and how well off they are by the metros around. */
export function surroundings(country: Country, point: LonLat): { density: number; wealth: number } {
  let density = 0;
  let wealth = 0;
  for (const metro of country.metros) {
    if (Math.abs(point[1] - metro.centre[1]) * KM_PER_DEGREE > REACH_KM) continue;
    const km = distanceKm(point, metro.centre);
    const here = (metro.people * pull(km, metro.radiusKm)) / (Math.PI * metro.radiusKm * metro.radiusKm);
    density += here;
    wealth += here * metro.wealth;
  }
  return { density, wealth: density === 0 ? 0 : wealth / density };
}

/** A smooth random field over the map, within ±1: seeded values at the corners of a grid, blended in between. */
export function field(seed: number, [longitude, latitude]: LonLat, degrees: number): number {
  const x = longitude / degrees;
  const y = latitude / degrees;
  const x0 = Math.floor(x);
  const y0 = Math.floor(y);
  const u = smooth(x - x0);
  const v = smooth(y - y0);
  const south = corner(seed, x0, y0) * (1 - u) + corner(seed, x0 + 1, y0) * u;
  const north = corner(seed, x0, y0 + 1) * (1 - u) + corner(seed, x0 + 1, y0 + 1) * u;
  return south * (1 - v) + north * v;
}

const smooth = (t: number): number => t * t * (3 - 2 * t);

function corner(seed: number, x: number, y: number): number {
  let mixed = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1) ^ Math.imul(seed, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2_147_483_648 - 1;
}
