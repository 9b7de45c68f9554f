import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { bearing, booleanPointInPolygon, destination, midpoint } from '@turf/turf';
import fc from 'fast-check';
import type { Feature, FeatureCollection, MultiPolygon, Polygon, Position } from 'geojson';
import { feature } from 'topojson-client';
import type { GeometryCollection, Topology } from 'topojson-specification';
import { describe, expect, test, vi } from 'vitest';
import { sample } from '../../../../config/pipelines/ev-sites/sample.js';
import { dataFolder, needs } from '../../../support/needs.js';

const text = (path: string, seed?: number): string =>
  new TextDecoder().decode(sample.generate(`ev_sites/${path}`, seed));
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const digests = (source: typeof sample, seed?: number): string[] =>
  source.files.map((path) => sha256(source.generate(path, seed)));

/** A plain reader, enough for these files: quotes around a cell, no quote inside one. */
function read(content: string): Record<string, string>[] {
  const [header = [], ...rows] = content
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => line.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/).map((cell) => cell.replace(/^"|"$/g, '')));
  return rows.map((row) => Object.fromEntries(header.map((name, i) => [name, row[i] ?? ''])));
}

const tracts = read(text('census_tracts_2019_tiger.csv'));
const stations = read(text('afdc_us_points_2022.csv'));
const sites = read(text('sites.csv'));
const pointOf = (row: Record<string, string>): Position =>
  'INTPTLON' in row
    ? [Number(row.INTPTLON), Number(row.INTPTLAT)]
    : [Number(row.Longitude ?? row.lon), Number(row.Latitude ?? row.lat)];

type Shape = Feature<Polygon | MultiPolygon>;
const topology = JSON.parse(text('us-atlas/counties-10m.json')) as Topology<{ counties: GeometryCollection }>;
const shapes = new Map(
  feature(topology, topology.objects.counties).features.map((shape) => [String(shape.id), shape as Shape]),
);
const ringsOf = ({ geometry }: Shape): Position[][] =>
  geometry.type === 'Polygon' ? geometry.coordinates : geometry.coordinates.flat();
const boxes = [...shapes].map(([fips, shape]) => {
  const points = ringsOf(shape).flat();
  const [x, y] = [points.map(([longitude = 0]) => longitude), points.map(([, latitude = 0]) => latitude)];
  return { fips, shape, box: [Math.min(...x), Math.min(...y), Math.max(...x), Math.max(...y)] as const };
});
const countyOf = ([x = 0, y = 0]: Position): string | undefined =>
  boxes.find(
    ({ box, shape }) =>
      x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3] && booleanPointInPolygon([x, y], shape),
  )?.fips;

/** Metres from a point to the nearest county edge among the counties near it: every edge, halved down to 1/64. */
function metresToShore(point: Position): number {
  const haversine = ([ax = 0, ay = 0]: Position, [bx = 0, by = 0]: Position): number => {
    const r = Math.PI / 180;
    const h =
      Math.sin(((by - ay) * r) / 2) ** 2 + Math.cos(ay * r) * Math.cos(by * r) * Math.sin(((bx - ax) * r) / 2) ** 2;
    return 2 * 6_371_008.8 * Math.asin(Math.sqrt(h));
  };
  const [x = 0, y = 0] = point;
  let least = Number.POSITIVE_INFINITY;
  for (const { shape, box } of boxes) {
    if (x < box[0] - 0.2 || x > box[2] + 0.2 || y < box[1] - 0.2 || y > box[3] + 0.2) continue;
    for (const ring of ringsOf(shape)) {
      for (let i = 0; i + 1 < ring.length; i++) {
        const [a = [0, 0], b = [0, 0]] = [ring[i], ring[i + 1]];
        for (let k = 0; k <= 64; k++) {
          const t = k / 64;
          const at = [(a[0] ?? 0) * (1 - t) + (b[0] ?? 0) * t, (a[1] ?? 0) * (1 - t) + (b[1] ?? 0) * t];
          least = Math.min(least, haversine(point, at));
        }
      }
    }
  }
  return least;
}

describe('the sample of ev-sites', () => {
  test('gives the same bytes in a fresh module as in a used one, and others for another seed (S0.1)', async () => {
    const first = digests(sample);
    vi.resetModules();
    const { sample: fresh } = await import('../../../../config/pipelines/ev-sites/sample.js');
    expect(fresh).not.toBe(sample);
    // The other way round, so that no file leans on one made before it.
    expect([...fresh.files].reverse().map((path) => sha256(fresh.generate(path)))).toEqual([...first].reverse());
    const other = digests(fresh, 7);
    expect(sample.files.filter((_, i) => other[i] === first[i])).toEqual(['ev_sites/us-atlas/counties-10m.json']);
    expect(digests(fresh, 7)).toEqual(other);
  });

  test('is pinned: these digests change only on purpose', () => {
    expect(sha256(new TextEncoder().encode(digests(sample).join('\n')))).toMatchInlineSnapshot(
      `"f716ce207bcfe587958ec75aa7d50cf0526f5da99750e37c60fdbf0bf655ef35"`,
    );
  });

  test('gives the county shapes of npm byte for byte, and refuses a path that it does not know', () => {
    const shipped = createRequire(import.meta.url).resolve('us-atlas/counties-10m.json');
    expect(sha256(sample.generate('ev_sites/us-atlas/counties-10m.json'))).toBe(sha256(readFileSync(shipped)));
    expect(() => sample.generate('ev_sites/constructor')).toThrow(/GR-2001|missing/);
    expect(() => sample.generate('constructor')).toThrow(/missing/);
  });

  test('has about 5,000 tracts with unique padded ids over all states', () => {
    expect(tracts.length).toBeGreaterThan(4_900);
    expect(tracts.length).toBeLessThan(5_100);
    expect(new Set(tracts.map(({ GEOID }) => GEOID)).size).toBe(tracts.length);
    for (const row of tracts) {
      expect(row.GEOID).toBe(`${row.STATEFP}${row.COUNTYFP}${row.TRACTCE}`);
      expect(row.GEOID).toMatch(/^\d{11}$/);
      expect(row.INTPTLAT).toMatch(/^[+-]\d{2}\.\d{7}$/);
      expect(row.INTPTLON).toMatch(/^[+-]\d{3}\.\d{7}$/);
    }
    expect(new Set(tracts.map(({ STATEFP }) => STATEFP)).size).toBe(52);
    expect(tracts.filter(({ ALAND }) => ALAND === '0').length).toBe(25);
    expect(text('census_tracts_2019_tiger.csv').split('\r\n').length).toBe(tracts.length + 2);
  });

  test('places every internal point inside the polygon of its county', () => {
    const astray = tracts.filter(
      (row) => !booleanPointInPolygon(pointOf(row), shapes.get((row.GEOID ?? '').slice(0, 5)) as Shape),
    );
    expect(astray).toEqual([]);
  });

  test('has 4,000 stations in order of id on either side of the cuts of the job', () => {
    const ids = stations.map(({ ID }) => Number(ID));
    expect(ids.length).toBe(4_000);
    expect(ids.every((id, i) => i === 0 || id > (ids[i - 1] as number))).toBe(true);
    const share = (from: number, to: number): number => ids.filter((id) => id >= from && id <= to).length / ids.length;
    expect(share(183_461, 999_999)).toBeCloseTo(0.23, 2);
    expect(share(150_000, 171_475)).toBeCloseTo(0.217, 2);
    expect(share(0, 149_999)).toBeCloseTo(0.343, 2);
    expect(stations.every((row) => /^Sample Charger \d{6}(, Unit \d)?$/.test(row['Station Name'] ?? ''))).toBe(true);
  });

  test('holds the dirt of the real stations: a longitude of 0, two far at sea, some just off the shore', () => {
    expect(stations.filter(({ Longitude }) => Longitude === '0').length).toBe(1);
    const afield = stations.filter((row) => Number(row.Longitude) !== 0 && countyOf(pointOf(row)) === undefined);
    const metres = afield.map((row) => metresToShore(pointOf(row)));
    expect(metres.filter((distance) => distance > 50_000).length).toBe(2);
    const near = metres.filter((distance) => distance <= 50_000);
    expect(near.length).toBeGreaterThanOrEqual(16);
    expect(Math.max(...near)).toBeLessThan(4_000);
    const lengths = new Set(stations.map(({ ZIP }) => (ZIP ?? '').length));
    expect([...lengths].sort()).toEqual(expect.arrayContaining([4, 5, 6]));
    expect(text('afdc_us_points_2022.csv')).toContain('"Sample Charger');
  });

  test('puts no station on land into a county without tracts', () => {
    const withTracts = new Set(tracts.map(({ GEOID }) => (GEOID ?? '').slice(0, 5)));
    const homeless = stations
      .map((row) => countyOf(pointOf(row)))
      .filter((fips) => fips !== undefined && !withTracts.has(fips));
    expect(homeless).toEqual([]);
  });

  test('lets what exists foretell what comes: rank correlation over tracts above 0.2', () => {
    const byCounty = new Map<string, number[]>();
    for (const [i, { GEOID = '' }] of tracts.entries()) {
      byCounty.set(GEOID.slice(0, 5), [...(byCounty.get(GEOID.slice(0, 5)) ?? []), i]);
    }
    const existing = new Float64Array(tracts.length);
    const fresh = new Float64Array(tracts.length);
    for (const row of stations) {
      const [x = 0, y = 0] = pointOf(row);
      const squared = (i: number): number => {
        const [tx = 0, ty = 0] = pointOf(tracts[i] ?? {});
        return ((tx - x) * Math.cos((y * Math.PI) / 180)) ** 2 + (ty - y) ** 2;
      };
      const near = byCounty.get(countyOf([x, y]) ?? '')?.reduce((a, b) => (squared(b) < squared(a) ? b : a));
      if (near === undefined) continue;
      const counts = Number(row.ID) < 183_461 ? existing : fresh;
      counts[near] = (counts[near] ?? 0) + 1;
    }
    expect(spearman(existing, fresh)).toBeGreaterThan(0.2);
    const withNew = fresh.filter((count) => count > 0).length / tracts.length;
    expect(withNew).toBeGreaterThan(0.04);
    expect(withNew).toBeLessThan(0.2);
  });

  test('joins its context as raggedly as the real one: lost zeros, quoted ids, other vintages', () => {
    const ids = new Set(tracts.map(({ GEOID }) => GEOID));
    const matched = (rows: Record<string, string>[], column: string): number =>
      rows.filter((row) => ids.has((row[column] ?? '').padStart(11, '0'))).length;
    expect(text('oeps/tract-2019.csv')).toMatch(/^"HEROP_ID","FIPS",.*\n"140US0\d{10}","0\d{10}",/);
    expect(text('oeps/tract-ruca-2010.csv')).toMatch(/^HEROP_ID,FIPS,Rurality,Ruca1,Ruca2\n140US0\d{10},[1-9]\d{9},/);
    expect(text('oeps/tract-sdoh-2014.csv')).toMatch(/\n140US0\d{10},[1-9]\d{9},/);
    for (const name of ['tract-2019', 'tract-ruca-2010', 'tract-sdoh-2014']) {
      const rows = read(text(`oeps/${name}.csv`));
      expect(new Set(rows.map(({ FIPS }) => FIPS)).size).toBe(rows.length);
      expect(matched(rows, 'FIPS') / tracts.length).toBeGreaterThan(0.97);
      expect(rows.some((row) => Object.values(row).includes(''))).toBe(true);
    }
    const eligible = read(text('30c_eligibility_by_tract.csv'));
    expect(new Set(eligible.map((row) => row.tract_geoid)).size).toBe(eligible.length);
    expect(matched(eligible, 'tract_geoid') / eligible.length).toBeCloseTo(0.73, 1);
  });

  test('has a county table with NA and bare ids, and a crosswalk with one county twice and a third in an MSA', () => {
    const counties = read(text('oeps_county_latest.csv'));
    expect(counties.length).toBeGreaterThan(3_130);
    expect(counties[0]?.GEOID).toBe('1001');
    expect(counties.some(({ MedInc }) => MedInc === 'NA')).toBe(true);
    const crosswalk = read(text('cbsatocountycrosswalk.csv'));
    expect(Object.keys(crosswalk[0] ?? {}).length).toBe(21);
    const fips = crosswalk.map(({ fipscounty }) => fipscounty);
    const twice = fips.filter((id, i) => fips.indexOf(id) !== i);
    expect(twice.length).toBe(1);
    expect(new Set(crosswalk.filter(({ fipscounty }) => fipscounty === twice[0]).map(({ cbsa }) => cbsa)).size).toBe(1);
    const inMsa = crosswalk.filter(({ cbsa }) => cbsa !== '');
    expect(inMsa.length / crosswalk.length).toBeGreaterThan(0.28);
    expect(inMsa.length / crosswalk.length).toBeLessThan(0.42);
    expect(inMsa.every(({ cbsaname }) => /^Sample Metro \d{3}, [A-Z]{2}(-[A-Z]{2})*$/.test(cbsaname ?? ''))).toBe(true);
  });

  test('has 200 sites, most in the service area, some in the excluded zone, fences wound as RFC 7946 asks (S0.2, S0.5)', () => {
    const fences = JSON.parse(text('geofence.geojson')) as FeatureCollection<Polygon, { name: string; mode: string }>;
    const [include, exclude] = fences.features;
    expect(fences.features.map(({ properties }) => properties.mode)).toEqual(['include', 'exclude']);
    expect(sites.length).toBe(200);
    const inside = (shape: Feature<Polygon> | undefined): number =>
      sites.filter((row) => shape !== undefined && booleanPointInPolygon(pointOf(row), shape)).length;
    expect(inside(include)).toBeGreaterThan(120);
    expect(inside(include)).toBeLessThan(200);
    expect(inside(exclude)).toBeGreaterThan(1);
    expect(inside(exclude)).toBeLessThan(30);
    for (const { geometry } of fences.features) {
      const ring = geometry.coordinates[0] as Position[];
      expect(ring[0]).toEqual(ring.at(-1));
      // To the left of the first edge is the inside.
      const [a, b] = ring as [Position, Position];
      const left = destination(midpoint(a, b), 1, bearing(a, b) - 90);
      expect(booleanPointInPolygon(left, { type: 'Polygon', coordinates: [ring] })).toBe(true);
    }
  });

  test('holds its promises for any seed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (seed) => {
        const rows = read(text('afdc_us_points_2022.csv', seed));
        expect(rows.length).toBe(4_000);
        expect(rows.filter(({ Longitude }) => Longitude === '0').length).toBe(1);
        const drawn = read(text('census_tracts_2019_tiger.csv', seed));
        expect(new Set(drawn.map(({ GEOID }) => GEOID)).size).toBe(drawn.length);
        expect(new Set(drawn.map(({ STATEFP }) => STATEFP)).size).toBe(52);
        expect(text('geofence.geojson', seed)).not.toContain('null');
      }),
      { seed: 3, numRuns: 4 },
    );
  });
});

needs('data').describe('the sample beside the real files', () => {
  test('has their headers, letter for letter, and some columns of the widest', () => {
    const head = (bytes: Uint8Array): string => new TextDecoder().decode(bytes).split('\n', 1)[0] ?? '';
    const real = (path: string): string => head(readFileSync(join(dataFolder(), path)));
    const [widest, own] = ['ev_sites/oeps_county_latest.csv', /sites\.csv$/];
    for (const path of sample.files.filter((name) => name.endsWith('.csv') && name !== widest && !own.test(name))) {
      expect([path, head(sample.generate(path))]).toEqual([path, real(path)]);
    }
    const columns = new Set(real(widest).split(','));
    expect(
      head(sample.generate(widest))
        .split(',')
        .filter((name) => !columns.has(name)),
    ).toEqual([]);
  });
});

/** Pearson's correlation of mid-ranks. */
function spearman(a: Float64Array, b: Float64Array): number {
  const [x, y] = [midRanks(a), midRanks(b)];
  const mean = (a.length - 1) / 2;
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [dx, dy] = [(x[i] ?? 0) - mean, (y[i] ?? 0) - mean];
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  return xy / Math.sqrt(xx * yy);
}

function midRanks(values: Float64Array): Float64Array {
  const order = [...values.keys()].sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const ranks = new Float64Array(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end < order.length && values[order[end] as number] === values[order[start] as number]) end++;
    for (let i = start; i < end; i++) ranks[order[i] as number] = (start + end - 1) / 2;
    start = end;
  }
  return ranks;
}
