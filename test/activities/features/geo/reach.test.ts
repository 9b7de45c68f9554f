import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildBallTree } from '../../../../activities/features/geo/ball-tree.js';
import { EARTH_RADIUS_M, greatCircle, MILE_M } from '../../../../activities/features/geo/distance.js';
import { reach } from '../../../../activities/features/geo/reach.js';
import { awkwardPoints, type Points, pointsOf, randomPoints, seeded } from './points.js';

interface Grouped extends Points {
  group: Int32Array;
  groups: number;
}

/** Points in groups that a seed deals out; some groups may stay empty. */
function grouped(points: Points, groups: number, seed: number): Grouped {
  const random = seeded(seed);
  return { ...points, group: Int32Array.from(points.lon, () => Math.floor(random() * groups)), groups };
}

const inOrder = (pairs: [row: number, group: number][]): [number, number][] =>
  pairs.sort((a, b) => a[0] - b[0] || a[1] - b[1]);

/** The pairs by a scan of all points of all groups. */
function scan(points: Points, of: Grouped, radiusM: number): [number, number][] {
  const pairs: [number, number][] = [];
  for (let row = 0; row < points.lon.length; row++) {
    const reached = new Set<number>();
    for (let j = 0; j < of.lon.length; j++)
      if (greatCircle(points.lon[row]!, points.lat[row]!, of.lon[j]!, of.lat[j]!) <= radiusM) reached.add(of.group[j]!);
    for (const group of reached) pairs.push([row, group]);
  }
  return inOrder(pairs);
}

function found(points: Points, of: Grouped, radiusM: number, range: { from?: number; to?: number } = {}) {
  const { row, group } = reach({
    ...points,
    ofLon: of.lon,
    ofLat: of.lat,
    ofTree: buildBallTree({ lon: of.lon, lat: of.lat }),
    ...{ group: of.group, groups: of.groups, radiusM, ...range },
  });
  expect([...row]).toEqual([...row].sort((a, b) => a - b));
  return inOrder(Array.from(row, (one, i) => [one, group[i]!]));
}

describe('reach', () => {
  const groups = fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant(60));

  test('equals a scan of all pairs on points that make trouble, for few groups and for many', () => {
    const radius = fc.oneof(
      fc.double({ min: 0, max: Math.PI * EARTH_RADIUS_M, noNaN: true }),
      fc.constantFrom(0, MILE_M, 25 * MILE_M, 1e9),
    );
    fc.assert(
      fc.property(awkwardPoints(60), awkwardPoints(60), groups, radius, fc.nat(), (points, others, count, r, seed) => {
        const of = grouped(others, count, seed);
        expect(found(points, of, r)).toEqual(scan(points, of, r));
      }),
      { numRuns: 300, seed: 4 },
    );
  });

  test('equals a scan where the radius is the exact distance of a pair', () => {
    fc.assert(
      fc.property(awkwardPoints(40), awkwardPoints(40), groups, fc.nat(), (points, others, count, pick) => {
        if (points.lon.length * others.lon.length === 0) return;
        const of = grouped(others, count, pick);
        const [i, j] = [pick % points.lon.length, pick % of.lon.length];
        const exact = greatCircle(points.lon[i]!, points.lat[i]!, of.lon[j]!, of.lat[j]!);
        if (Number.isNaN(exact)) return;
        // The next representable distances tell an inclusive bound from one that is off by a bit.
        for (const radius of [exact, Math.max(0, exact * (1 - 2 ** -52)), exact * (1 + 2 ** -52)])
          expect(found(points, of, radius)).toEqual(scan(points, of, radius));
      }),
      { numRuns: 200, seed: 4 },
    );
  });

  test('equals a scan on dense points, where whole balls of one group lie within the radius', () => {
    const points = randomPoints(400, 1, [-75, 40, -73, 42]);
    const others = randomPoints(900, 2, [-75, 40, -73, 42]);
    // Groups that lie together, as states do, and others that lie across each other.
    const bands = Int32Array.from(others.lon, (lon) => Math.floor((lon + 75) * 2));
    for (const of of [{ ...others, group: bands, groups: 4 }, grouped(others, 4, 3), grouped(others, 300, 3)])
      for (const miles of [1, 10, 100])
        expect(found(points, of, miles * MILE_M)).toEqual(scan(points, of, miles * MILE_M));
  });

  test('gives the pairs of a part of the rows', () => {
    const points = randomPoints(300, 5, [-75, 40, -73, 42]);
    const of = grouped(randomPoints(300, 6, [-75, 40, -73, 42]), 7, 8);
    const whole = found(points, of, 5 * MILE_M);
    expect([...found(points, of, 5 * MILE_M, { to: 111 }), ...found(points, of, 5 * MILE_M, { from: 111 })]).toEqual(
      whole,
    );
  });

  test('of no points, or to no points, is empty', () => {
    expect(found(pointsOf([[1, 2]]), grouped(pointsOf([]), 3, 1), 10)).toEqual([]);
    expect(found(pointsOf([]), grouped(pointsOf([[1, 2]]), 3, 1), 10)).toEqual([]);
    expect(found(pointsOf([[Number.NaN, 0]]), grouped(pointsOf([[1, 2]]), 3, 1), 1e9)).toEqual([]);
  });
});
