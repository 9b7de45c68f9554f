import { growth, Random } from '../../../samples.js';
import { type Atlas, type County, shoreOf } from './atlas.js';
import { type Country, type CountyPeople, dwelling, field, surroundings } from './country.js';
import type { LonLat } from './geometry.js';
import { STATES } from './states.js';

const TRACTS = 5000;
const TRACTS_WITHOUT_LAND = 25;
/** Inhabitants (hundred thousands) per km² away from every city. */
const OPEN_COUNTRY = 0.00005;

export interface Tract {
  geoid: string;
  county: number;
  point: LonLat;
  /** m²; 0 marks a tract of water only. */
  land: number;
  water: number;
  /** Inhabitants (hundred thousands) per km² around the point. */
  density: number;
  /** 0 to 1: the tract's rank by density. */
  urbanity: number;
  /** About -2 to 2. */
  wealth: number;
  /** 0 urban, 1 suburban, 2 rural. */
  rurality: 0 | 1 | 2;
}

/** How well off a place is; a city's share, a broad field and a narrow one. */
export function wealthAt(country: Country, seed: number, point: LonLat): { density: number; wealth: number } {
  const { density, wealth } = surroundings(country, point);
  return { density, wealth: wealth + 0.9 * field(seed, point, 4) + 0.7 * field(seed + 1, point, 0.3) };
}

/**
 * Tracts where people live, about 5,000: a county gets as many as its share of the people asks for (many get none),
 * each state at least two (one where it is one county). Each internal point lies inside its county's polygon.
 */
export function drawTracts(atlas: Atlas, country: Country, seed: number): Tract[] {
  const random = new Random(seed, 'tracts');
  const everyone = country.counties.reduce((sum, { people }) => sum + people, 0);
  const counts = country.counties.map(({ people }) =>
    Math.floor((people / everyone) * (TRACTS - TRACTS_WITHOUT_LAND) + random.next()),
  );
  for (const state of STATES.keys()) {
    const members = [...atlas.counties.keys()].filter((at) => atlas.counties[at]?.state === state);
    members.sort((a, b) => (country.counties[b]?.people ?? 0) - (country.counties[a]?.people ?? 0) || a - b);
    for (const at of members.slice(0, 2)) counts[at] = Math.max(1, counts[at] as number);
  }
  const tracts: Tract[] = [];
  for (const [at, count] of counts.entries()) {
    if (count === 0) continue;
    const county = atlas.counties[at] as County;
    const codes = random.shuffle(tractCodes(count, random));
    for (const code of codes) {
      const point = dwelling(country, county, country.counties[at] as CountyPeople, random);
      const { density, wealth } = wealthAt(country, seed, point);
      // Land as if the tracts tiled the country: people per tract over people per km², no more than the county has.
      const km2 = everyone / TRACTS / (density + OPEN_COUNTRY);
      const land = Math.min(km2, county.km2 / count) * growth(0.35 * random.normal());
      tracts.push({
        geoid: county.fips + code,
        county: at,
        point,
        land: Math.max(20_000, Math.round(land * 1e6)),
        water: random.chance(0.3) ? 0 : Math.round(land * 1e6 * 0.04 * random.next()),
        density,
        urbanity: 0,
        wealth: wealth + 0.5 * random.normal(),
        rurality: 0,
      });
    }
  }
  rankUrbanity(tracts, random);
  return [...tracts, ...watersOf(atlas, tracts, random)].sort((a, b) => a.county - b.county);
}

/** Six-digit codes, unique in a county: 000100, 000200, …, some split into …01 and …02 as after a census. */
function tractCodes(count: number, random: Random): string[] {
  const codes: string[] = [];
  for (let base = random.integer(1, 40); codes.length < count; base += random.integer(1, 3)) {
    const split = codes.length + 1 < count && random.chance(0.2);
    for (const suffix of split ? ['01', '02'] : ['00']) codes.push(String(base).padStart(4, '0') + suffix);
  }
  return codes;
}

function rankUrbanity(tracts: Tract[], random: Random): void {
  const order = [...tracts].sort((a, b) => a.density - b.density || (a.geoid < b.geoid ? -1 : 1));
  for (const [rank, tract] of order.entries()) {
    tract.urbanity = (rank + 0.5) / order.length;
    const seen = tract.urbanity + 0.05 * random.normal();
    tract.rurality = seen > 0.3 ? 0 : seen > 0.14 ? 1 : 2;
  }
}

/** Tracts of water only, as the census has them off the coast; here their points lie just inside the county's shore. */
function watersOf(atlas: Atlas, tracts: Tract[], random: Random): Tract[] {
  const settled = [...new Set(tracts.map(({ county }) => county))];
  const waters = new Map<number, Tract>();
  while (waters.size < TRACTS_WITHOUT_LAND) {
    const at = settled[random.integer(0, settled.length - 1)] as number;
    const county = atlas.counties[at] as County;
    const shore = waters.has(at) ? undefined : shoreOf(atlas, county, random);
    if (shore === undefined) continue;
    const water = random.integer(50_000_000, 1_200_000_000);
    waters.set(at, {
      geoid: `${county.fips}990000`,
      county: at,
      point: shore.land,
      land: 0,
      water,
      density: 0,
      urbanity: 0,
      wealth: 0,
      rurality: 2,
    });
  }
  return [...waters.values()];
}
