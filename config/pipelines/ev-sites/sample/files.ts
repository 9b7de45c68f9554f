import { growth, Random } from '../../../samples.js';
import type { CountyPeople } from './country.js';
import { drawFences } from './fences.js';
import { STATES } from './states.js';
import { asNumber, clamped, digits, fixed, lines, quoted } from './text.js';
import { type Tract, wealthAt } from './tracts.js';
import type { World } from './world.js';

/** Signed and padded, as the census writes internal points: +34.0726595, -085.8991944. */
const signed = (degrees: number, width: number): string =>
  (degrees < 0 ? '-' : '+') + Math.abs(degrees).toFixed(7).padStart(width, '0');

/** Census tracts, CRLF; ids are text with leading zeros. */
export function tractsFile({ tracts }: World): string {
  const rows = ['STATEFP,COUNTYFP,TRACTCE,GEOID,NAME,NAMELSAD,MTFCC,FUNCSTAT,ALAND,AWATER,INTPTLAT,INTPTLON'];
  for (const { geoid, point, land, water } of tracts) {
    const code = geoid.slice(5);
    const name = Number(code.slice(0, 4)) + (code.endsWith('00') ? '' : `.${code.slice(4)}`);
    rows.push(
      `${geoid.slice(0, 2)},${geoid.slice(2, 5)},${code},${geoid},${name},Census Tract ${name},G5020,S,${land},${water},` +
        `${signed(point[1], 10)},${signed(point[0], 11)}`,
    );
  }
  return lines(rows, '\r\n');
}

/** Charging stations in order of id; some ZIPs lost a zero or gained a blank, some names are quoted for their comma. */
export function stationsFile({ atlas, tracts, stations, seed }: World): string {
  const random = new Random(seed, 'station names');
  const rows = ['Station Name,ZIP,Latitude,Longitude,ID'];
  for (const { id, tract, point } of stations) {
    const county = tract < 0 ? undefined : atlas.counties[(tracts[tract] as Tract).county];
    const zip = (STATES[county?.state ?? 0]?.zip ?? '') + digits(random.integer(0, 9_999), 4);
    const lost = zip.startsWith('0') && random.chance(0.9) ? asNumber(zip) : zip;
    const name = `Sample Charger ${digits(id, 6)}`;
    rows.push(
      [
        random.chance(0.026) ? quoted(`${name}, Unit ${random.integer(2, 9)}`) : name,
        random.chance(0.001) ? `\u00a0${zip}` : lost,
        fixed(point[1], 6),
        fixed(point[0], 6),
        id,
      ].join(','),
    );
  }
  return lines(rows);
}

/** County attributes of the fifty states and DC; GEOID lost its leading zero, missing values are NA. */
export function countyTableFile({ atlas, country, tracts, seed }: World): string {
  const random = new Random(seed, 'county table');
  const perCounty = new Int32Array(atlas.counties.length);
  for (const { county } of tracts) perCounty[county] = (perCounty[county] as number) + 1;
  const rows = [
    'HEROP_ID,GEOID,TotPop,UnempP,PovP,MedInc,GiniCoeff,EduP,NoIntP,VacantP,RentalP,AreaSqMi,TotTracts,BupAvTmDr',
  ];
  for (const [at, county] of atlas.counties.entries()) {
    if (county.fips.startsWith('72')) continue;
    const here = wealthAt(country, seed, county.centre);
    const town = here.density / (here.density + 0.002);
    const wealth = here.wealth + 0.4 * random.normal();
    const number = (value: number, low: number, high: number, decimals: number): string =>
      random.chance(0.002) ? 'NA' : fixed(clamped(value, low, high), decimals);
    rows.push(
      [
        `050US${county.fips}`,
        asNumber(county.fips),
        Math.max(80, Math.round((country.counties[at] as CountyPeople).people * 100_000)),
        number(5.4 - 1.5 * wealth + 1.5 * random.normal(), 0, 24, 1),
        number(14.7 - 5 * wealth + 3 * random.normal(), 2.3, 49, 1),
        number(26_000 * growth(0.22 * wealth + 0.2 * town), 7_500, 90_000, 0),
        number(0.44 + 0.03 * random.normal(), 0.3, 0.6, 2),
        number(9 - 1.5 * wealth + 1.5 * random.normal(), 0, 32, 2),
        number(20 - 4 * wealth - 6 * town + 3 * random.normal(), 2.4, 58, 2),
        number(17 - 8 * town + 6 * random.normal(), 3, 81, 2),
        number(26 + 9 * town + 5 * random.normal(), 7.6, 74, 2),
        (county.km2 / 2.589988).toFixed(2),
        perCounty[at],
        random.chance(0.35) ? 'NA' : number(20 + 6 * random.normal(), 0, 90, 2),
      ].join(','),
    );
  }
  return lines(rows);
}

export function sitesFile({ sites }: World): string {
  const rows = sites.map(
    ([longitude, latitude], i) => `S${digits(i + 1, 4)},${latitude.toFixed(6)},${longitude.toFixed(6)}`,
  );
  return lines(['site_id,lat,lon', ...rows]);
}

export const fencesFile = ({ sites }: World): string => `${JSON.stringify(drawFences(sites), null, 1)}\n`;
