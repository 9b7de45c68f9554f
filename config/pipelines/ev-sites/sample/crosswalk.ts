import type { Atlas, County } from './atlas.js';
import type { Country, CountyPeople, Metro } from './country.js';
import { STATES } from './states.js';
import { digits, lines, quoted } from './text.js';
import type { World } from './world.js';

const HEADER = ['countyname', 'state', 'ssacounty', 'fipscounty', 'msa', 'l', 'msaname', 'cbsa', 'cbsaname', 'cbsaold'];
const HEADER_END = ['cbsanameold', 'ssast', 'fipst'];
const YEARS = [2005, 2011, 2012, 2013, 2014, 2015, 2016, 2017];

interface Row {
  county: string;
  postal: string;
  fips: string;
  /** The county's number at another agency, the reason why one county stands twice. */
  social: string;
  /** What it belongs to before and after 2003: text of the columns msa to cbsanameold. */
  metro: string[];
}

/**
 * County FIPS to CBSA: text quoted, numbers bare, empties unquoted. As in the real file two counties in three have no CBSA,
 * the largest county stands twice, and one row is of no county.
 */
export function crosswalkFile({ atlas, country }: World): string {
  const largest = largestOf(country);
  const postals = metroStates(atlas, country);
  const header = [...HEADER, ...HEADER_END, ...YEARS.map((year) => `y${year}`)];
  const rows = [header.map(quoted).join(',')];
  for (const [at, { fips, name, state }] of atlas.counties.entries()) {
    const { cbsa } = country.counties[at] as CountyPeople;
    const metro =
      cbsa < 0
        ? countryside(fips, atlas.stateNames.get(fips.slice(0, 2)) ?? '')
        : urban(cbsa, country.metros[cbsa] as Metro, postals.get(cbsa) ?? '');
    const row: Row = { county: name.toUpperCase(), postal: STATES[state]?.postal ?? '', fips, social: fips, metro };
    rows.push(written(row));
    if (at === largest) rows.push(written({ ...row, social: `${fips.slice(0, 2)}990` }));
  }
  const nowhere = { county: 'SAMPLE STATEWIDE', postal: 'RI', fips: '44999', social: '44999' };
  rows.push(written({ ...nowhere, metro: countryside('44999', 'Rhode Island') }));
  return lines(rows);
}

function written({ county, postal, fips, social, metro }: Row): string {
  const state = quoted(fips.slice(0, 2));
  return [...[county, postal, social, fips].map(quoted), ...metro, state, state, ...YEARS].join(',');
}

const countryside = (fips: string, stateName: string): string[] => [
  quoted(fips.slice(0, 2)),
  '',
  quoted(stateName.toUpperCase()),
  ...['', '', '', ''],
];

/** Codes from 90000 on: no real CBSA has one. */
function urban(index: number, { people }: Metro, postals: string): string[] {
  const code = String(90_000 + index * 10);
  const name = `Sample Metro ${digits(index + 1, 3)}, ${postals}`;
  const msa = [quoted(String(1_000 + index * 4)), people > 20 ? quoted('L') : '', quoted(name.toUpperCase())];
  return [...msa, quoted(code), quoted(name), code, quoted(name)];
}

/** The county with the most people among those with a CBSA. */
function largestOf({ counties }: Country): number {
  let largest = -1;
  for (const [at, { people, cbsa }] of counties.entries()) {
    if (cbsa >= 0 && people > (counties[largest]?.people ?? 0)) largest = at;
  }
  return largest;
}

/** Postal codes of the states that a metro's counties lie in, its own first: AZ-NV. */
function metroStates(atlas: Atlas, country: Country): Map<number, string> {
  const states = new Map<number, Set<number>>();
  for (const [at, { cbsa }] of country.counties.entries()) {
    if (cbsa < 0) continue;
    const found = states.get(cbsa) ?? new Set([(country.metros[cbsa] as Metro).state]);
    states.set(cbsa, found.add((atlas.counties[at] as County).state));
  }
  return new Map([...states].map(([metro, found]) => [metro, [...found].map((at) => STATES[at]?.postal).join('-')]));
}
