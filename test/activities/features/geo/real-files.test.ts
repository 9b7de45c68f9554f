import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { booleanPointInPolygon } from '@turf/boolean-point-in-polygon';
import { beforeAll, expect, test } from 'vitest';
import { assignPoints } from '../../../../activities/features/geo/assign.js';
import { bufferShare } from '../../../../activities/features/geo/buffer-share.js';
import { MILE_M } from '../../../../activities/features/geo/distance.js';
import { type Layer, readLayer } from '../../../../activities/features/geo/layers.js';
import { nearest } from '../../../../activities/features/geo/nearest.js';
import { type PolygonLayer, packPolygons } from '../../../../activities/features/geo/polygons.js';
import { countWithin } from '../../../../activities/features/geo/within.js';
import { dataFolder, needs } from '../../../support/needs.js';
import { type Points, pointsOf, randomPoints } from './points.js';

/** The first station of the bulk import: `existing` are those before it. */
const FIRST_NEW_ID = 183_461;

const file = (name: string): string => join(dataFolder(), 'ev_sites', name);
const lines = (name: string): string[][] =>
  readFileSync(file(name), 'utf8')
    .trim()
    .split(/\r?\n/)
    .slice(1)
    .map((line) => line.split(','));
const total = (values: Iterable<number>): number => [...values].reduce((sum, value) => sum + value, 0);

needs('data').describe('the kernels on the real stations, tracts and counties', () => {
  let counties: Layer;
  let layer: PolygonLayer;
  let stations: Points;
  let existing: Points;
  let tracts: Points;
  let tractArea: Float64Array;
  let assigned: ReturnType<typeof assignPoints>;

  beforeAll(() => {
    counties = readLayer(readFileSync(file('us-atlas/counties-10m.json')), 'topojson', { object: 'counties' });
    layer = packPolygons(counties.features.map(({ geometry }) => geometry));
    // A station's name may hold commas in quotes; the three numbers stand last. Longitude 0 is dirt.
    const rows = lines('afdc_us_points_2022.csv')
      .map((cells) => cells.slice(-3).map(Number) as [lat: number, lon: number, id: number])
      .filter(([, lon]) => lon !== 0);
    stations = pointsOf(rows.map(([lat, lon]) => [lon, lat]));
    assigned = assignPoints({ ...stations, layer, maxDistanceM: 5000 });
    existing = pointsOf(
      rows.filter(([, , id], i) => id < FIRST_NEW_ID && assigned.polygon[i]! >= 0).map(([lat, lon]) => [lon, lat]),
    );
    const tractRows = lines('census_tracts_2019_tiger.csv');
    tracts = pointsOf(tractRows.map((cells) => [Number(cells[11]), Number(cells[10])]));
    tractArea = Float64Array.from(tractRows, (cells) => Number(cells[8]));
  });

  test('S0.2 reads the counties, less 22 rings too short', () => {
    expect(counties.ringsDropped).toBe(22);
    // One county is so small that no ring of it has four points.
    expect(counties.faults.map(({ id }) => id)).toEqual(['51610']);
  });

  test('S0.4 puts 50,033 stations in a county, 233 in the nearest within 5 km, 3 in none', () => {
    const distances = [...assigned.distanceM];
    expect(distances.filter((metres) => metres === 0)).toHaveLength(50_033);
    expect(distances.filter((metres) => metres > 0 && metres <= 5000)).toHaveLength(233);
    expect([...assigned.polygon].filter((polygon) => polygon < 0)).toHaveLength(3);
    expect(existing.lon).toHaveLength(38_603);
  });

  test("gives turf's county, for stations, random points and the counties' own corners", () => {
    const random = randomPoints(500, 1, [-125, 25, -67, 49]);
    const alaska = randomPoints(100, 2, [-180, 51, -130, 71]);
    const corners: [number, number][] = [];
    for (let i = 0; i < layer.lonLat.length; i += 2 * 997) corners.push([layer.lonLat[i]!, layer.lonLat[i + 1]!]);
    const sample = pointsOf([
      ...corners,
      ...[random, alaska].flatMap(({ lon, lat }) => Array.from(lon, (x, i) => [x, lat[i]!] as const)),
      ...Array.from({ length: 200 }, (_, i) => [stations.lon[i * 250]!, stations.lat[i * 250]!] as const),
    ]);
    const { polygon } = assignPoints({ ...sample, layer, maxDistanceM: 0 });
    const byTurf = Array.from(sample.lon, (lon, i) =>
      counties.features.findIndex(({ geometry }) => booleanPointInPolygon([lon, sample.lat[i]!], geometry)),
    );
    expect([...polygon]).toEqual(byTurf);
  });

  test('counts the reference numbers of stations and tracts within 1, 5 and 10 miles', () => {
    const [one, ten] = countWithin({
      ...tracts,
      ofLon: existing.lon,
      ofLat: existing.lat,
      radiiM: [MILE_M, 10 * MILE_M],
    });
    expect(total(one!)).toBe(138_481);
    expect(total(ten!)).toBe(7_371_835);
    const [five] = countWithin({ ...tracts, ofLon: tracts.lon, ofLat: tracts.lat, radiiM: [5 * MILE_M] });
    expect(total(five!)).toBe(4_154_565);
  });

  test('sums the reference metres to the nearest existing station', () => {
    const { distanceM } = nearest({ ...tracts, ofLon: existing.lon, ofLat: existing.lat });
    expect(Math.abs(total(distanceM) / 1_189_699_848.02 - 1)).toBeLessThan(1e-9);
  });

  test('S0.5 shares out the tracts round 200 sites in New York within two seconds', () => {
    const sites = randomPoints(200, 3, [-74.02, 40.6, -73.8, 40.85]);
    const began = performance.now();
    const { index, share } = bufferShare({
      ...sites,
      radiusM: 5 * MILE_M,
      ofLon: tracts.lon,
      ofLat: tracts.lat,
      ofAreaM2: tractArea,
    });
    expect(performance.now() - began).toBeLessThan(2000);
    expect(index.length).toBeGreaterThan(100_000);
    expect([...share].filter((part) => part < 1).length).toBeGreaterThan(10_000);
  });
});
