import { area, circle, featureCollection, intersect } from '@turf/turf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bufferShare } from '../../../../activities/features/geo/buffer-share.js';
import { EARTH_RADIUS_M, greatCircle, MILE_M } from '../../../../activities/features/geo/distance.js';
import { type Points, pointsOf, randomPoints, seeded } from './points.js';

const shares = (sites: Points, radiusM: number, of: Points, areas: number[], range = {}) =>
  bufferShare({ ...sites, radiusM, ofLon: of.lon, ofLat: of.lat, ofAreaM2: Float64Array.from(areas), ...range });

/** Rows as [site, disc, share]. */
function rowsOf({ start, index, share }: ReturnType<typeof bufferShare>): [number, number, number][] {
  const rows: [number, number, number][] = [];
  for (let site = 0; site + 1 < start.length; site++) {
    for (let i = start[site]!; i < start[site + 1]!; i++) rows.push([site, index[i]!, share[i]!]);
  }
  return rows;
}

/** Area in m² of a cap of the sphere. */
const capArea = (radiusM: number): number =>
  4 * Math.PI * (EARTH_RADIUS_M * Math.sin(radiusM / EARTH_RADIUS_M / 2)) ** 2;

/** The share by turf's polygons of some number of sides. */
function byTurf(site: number[], radiusM: number, centre: number[], discM: number, steps: number): number {
  const options = { steps, units: 'meters' } as const;
  const disc = circle(centre, discM, options);
  const both = intersect(featureCollection([circle(site, radiusM, options), disc]));
  return both === null ? 0 : area(both) / area(disc);
}

describe('bufferShare', () => {
  test('S0.5 gives the share that turf circles, intersected, approach, from city blocks to Alaska', () => {
    const random = seeded(11);
    const worst = { 360: 0, 720: 0 };
    for (let i = 0; i < 30; i++) {
      const site: [number, number] = [-150 + 80 * random(), 20 + 50 * random()];
      const [radiusM, discM] = [MILE_M * 10 ** random(), 100 * 1000 ** random()];
      const apart = Math.abs(radiusM - discM) + 2 * Math.min(radiusM, discM) * random();
      const disc: [number, number] = [site[0], site[1] + apart / EARTH_RADIUS_M / (Math.PI / 180)];
      const rows = rowsOf(shares(pointsOf([site]), radiusM, pointsOf([disc]), [capArea(discM)]));
      for (const steps of [360, 720] as const) {
        const error = Math.abs((rows[0]?.[2] ?? 0) - byTurf(site, radiusM, disc, discM, steps));
        worst[steps] = Math.max(worst[steps], error);
      }
    }
    expect(worst[720]).toBeLessThan(1e-3);
    // A polygon of n sides misses its circle by 1 / n²: what is left is turf's error, and vanishes as it should.
    expect(worst[720]).toBeLessThan(worst[360] / 3);
  });

  test('gives the area of the lens in the plane for small circles', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.05, max: 20, noNaN: true }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (ratio, at) => {
          const [a, b] = [100, 100 * ratio];
          const d = Math.abs(a - b) + 2 * Math.min(a, b) * at;
          const disc = pointsOf([[0, d / EARTH_RADIUS_M / (Math.PI / 180)]]);
          const [[, , share] = [0, 0, Number.NaN]] = rowsOf(shares(pointsOf([[0, 0]]), b, disc, [capArea(a)]));
          const angleA = Math.acos((d * d + a * a - b * b) / (2 * d * a));
          const angleB = Math.acos((d * d + b * b - a * a) / (2 * d * b));
          const lens = a * a * (angleA - Math.sin(2 * angleA) / 2) + b * b * (angleB - Math.sin(2 * angleB) / 2);
          expect(share).toBeCloseTo(lens / (Math.PI * a * a), 7);
        },
      ),
    );
  });

  test('gives the share of a large cap, counted over points spread evenly on it', () => {
    const [discM, radiusM, apartDeg] = [3_000_000, 2_500_000, 30];
    const [[, , share] = [0, 0, Number.NaN]] = rowsOf(
      shares(pointsOf([[0, 90 - apartDeg]]), radiusM, pointsOf([[0, 90]]), [capArea(discM)]),
    );
    const n = 100_000;
    let inside = 0;
    for (let i = 0; i < n; i++) {
      // Even in area: the sine of latitude is even, the longitude turns by the golden angle.
      const sine = 1 - ((i + 0.5) / n) * (1 - Math.cos(discM / EARTH_RADIUS_M));
      const lat = Math.asin(sine) / (Math.PI / 180);
      if (greatCircle((i * 137.50776405003785) % 360, lat, 0, 90 - apartDeg) <= radiusM) inside++;
    }
    expect(share).toBeCloseTo(inside / n, 3);
  });

  test('is 1 wholly inside, the share of areas where the buffer is inside the disc, and lists nothing outside', () => {
    const site = pointsOf([[-100, 40]]);
    const discs = pointsOf([
      [-100.01, 40],
      [-100, 40],
      [-98, 40],
    ]);
    const rows = rowsOf(shares(site, 5 * MILE_M, discs, [1e6, capArea(100_000), 1e6]));
    expect(rows.slice(0, 1)).toEqual([[0, 0, 1]]);
    expect(rows[1]?.[2]).toBeCloseTo(capArea(5 * MILE_M) / capArea(100_000), 12);
    expect(rows).toHaveLength(2);
  });

  test('takes a disc without area for a point, the bound inclusive', () => {
    const discs = pointsOf([
      [-100, 40.05],
      [-100, 40.06],
      [-100, 40.05],
    ]);
    const exact = greatCircle(-100, 40, -100, 40.05);
    const site = pointsOf([[-100, 40]]);
    expect(rowsOf(shares(site, exact, discs, [0, 0, Number.NaN]))).toEqual([
      [0, 0, 1],
      [0, 2, 1],
    ]);
    expect(rowsOf(shares(site, exact * (1 - 2 ** -52), discs, [0, 0, Number.NaN]))).toEqual([]);
  });

  test('misses no disc that a scan finds, in ascending order, whatever part of the sites is asked', () => {
    const of = randomPoints(600, 1, [-75, 40, -73, 42]);
    const sites = randomPoints(40, 2, [-75, 40, -73, 42]);
    const random = seeded(3);
    const areas = Array.from(of.lon, () => (random() < 0.1 ? 0 : capArea(100 * 300 ** random())));
    const rows = rowsOf(shares(sites, 5 * MILE_M, of, areas));
    const expected: [number, number][] = [];
    for (let s = 0; s < 40; s++) {
      for (let d = 0; d < 600; d++) {
        const radius = 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(areas[d]! / (4 * Math.PI)) / EARTH_RADIUS_M);
        const apart = greatCircle(sites.lon[s]!, sites.lat[s]!, of.lon[d]!, of.lat[d]!);
        if (apart < 5 * MILE_M + radius) expected.push([s, d]);
      }
    }
    expect(rows.map(([site, disc]) => [site, disc])).toEqual(expected);
    expect(rows.every(([, , share]) => share > 0 && share <= 1)).toBe(true);
    const parts = [
      rowsOf(shares(sites, 5 * MILE_M, of, areas, { to: 15 })),
      rowsOf(shares(sites, 5 * MILE_M, of, areas, { from: 15 })),
    ];
    expect([...parts[0]!, ...parts[1]!.map(([site, ...rest]) => [site + 15, ...rest])]).toEqual(rows);
  });

  test('lists nothing for a site without coordinates, and refuses a buffer beyond a hemisphere', () => {
    const here = pointsOf([[0, 0]]);
    expect(rowsOf(shares(pointsOf([[Number.NaN, 0]]), 1000, here, [1e6]))).toEqual([]);
    expect(() => shares(here, 2e7, here, [1])).toThrow(expect.objectContaining({ code: 'GR-3009' }));
    expect(() => shares(here, Number.NaN, here, [1])).toThrow(expect.objectContaining({ code: 'GR-3009' }));
  });
});
