import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildBallTree } from '../../../../activities/features/geo/ball-tree.js';
import { EARTH_RADIUS_M, greatCircle, MILE_M } from '../../../../activities/features/geo/distance.js';
import { countWithin } from '../../../../activities/features/geo/within.js';
import { awkwardPoints, type Points, pointsOf, randomPoints } from './points.js';

/** The counts by a scan of all pairs. */
const scan = (asked: Points, of: Points, radiiM: number[]): number[][] =>
  radiiM.map((radius) =>
    Array.from(asked.lon, (lon, i) => {
      let count = 0;
      for (let j = 0; j < of.lon.length; j++) {
        if (greatCircle(lon, asked.lat[i]!, of.lon[j]!, of.lat[j]!) <= radius) count++;
      }
      return count;
    }),
  );

const counted = (asked: Points, of: Points, radiiM: number[], range = {}): number[][] =>
  countWithin({ ...asked, ofLon: of.lon, ofLat: of.lat, radiiM, ...range }).map((counts) => [...counts]);

describe('countWithin', () => {
  test('equals a scan of all pairs on points that make trouble', () => {
    const radius = fc.oneof(
      fc.double({ min: 0, max: Math.PI * EARTH_RADIUS_M, noNaN: true }),
      fc.constantFrom(0, MILE_M, 25 * MILE_M, 1e9),
    );
    fc.assert(
      fc.property(awkwardPoints(60), awkwardPoints(60), fc.array(radius, { maxLength: 4 }), (asked, of, radiiM) => {
        expect(counted(asked, of, radiiM)).toEqual(scan(asked, of, radiiM));
      }),
      { numRuns: 200 },
    );
  });

  test('equals a scan where every radius is the exact distance of a pair', () => {
    fc.assert(
      fc.property(awkwardPoints(40), awkwardPoints(40), fc.nat(), (asked, of, pick) => {
        if (asked.lon.length * of.lon.length === 0) return;
        const [i, j] = [pick % asked.lon.length, pick % of.lon.length];
        const exact = greatCircle(asked.lon[i]!, asked.lat[i]!, of.lon[j]!, of.lat[j]!);
        if (Number.isNaN(exact)) return;
        // The next representable distances below and above tell an inclusive bound from one that is off by a bit.
        const radiiM = [exact, Math.max(0, exact * (1 - 2 ** -52)), exact * (1 + 2 ** -52)];
        expect(counted(asked, of, radiiM)).toEqual(scan(asked, of, radiiM));
      }),
      { numRuns: 200 },
    );
  });

  test('equals a scan on dense points, where whole balls lie within a radius', () => {
    const asked = randomPoints(700, 1, [-75, 40, -73, 42]);
    const of = randomPoints(900, 2, [-75, 40, -73, 42]);
    const radiiM = [1, 25, 5, 5, 100].map((miles) => miles * MILE_M);
    expect(counted(asked, of, radiiM)).toEqual(scan(asked, of, radiiM));
  });

  test('equals a scan where one tree stands on both sides, poles, duplicates and exact radii included', () => {
    const exact = greatCircle(0, 0, 0.01, 0.01);
    fc.assert(
      fc.property(
        awkwardPoints(90),
        fc.constantFrom(0, exact, exact * (1 - 2 ** -52), 5 * MILE_M, 1e7),
        (points, radius) => {
          const tree = buildBallTree(points);
          expect(counted(points, points, [radius], { askedTree: tree, ofTree: tree })).toEqual(
            scan(points, points, [radius]),
          );
        },
      ),
      { numRuns: 200 },
    );
    const dense = randomPoints(900, 6, [-75, 40, -73, 42]);
    const tree = buildBallTree(dense);
    const radiiM = [25 * MILE_M, MILE_M, 1000 * MILE_M];
    expect(counted(dense, dense, radiiM, { askedTree: tree, ofTree: tree })).toEqual(scan(dense, dense, radiiM));
  });

  test('gives the same counts where calls claim blocks in turn, from one tree and from two', () => {
    const asked = randomPoints(9000, 7, [-80, 35, -70, 45]);
    const askedTree = buildBallTree(asked);
    for (const ofTree of [askedTree, buildBallTree(asked)]) {
      const whole = counted(asked, asked, [25 * MILE_M], { askedTree, ofTree });
      const share = { next: new Int32Array(1), counts: [new Int32Array(9000)] };
      const input = { ...asked, ofLon: asked.lon, ofLat: asked.lat, radiiM: [25 * MILE_M], askedTree, ofTree, share };
      // The first call finds that another has claimed all after its first block; the second is that other.
      countWithin(input, { onProgress: () => share.next.fill(1000) });
      expect(share.counts.map((counts) => [...counts])).not.toEqual(whole);
      share.next.fill(1);
      countWithin(input);
      expect(share.counts.map((counts) => [...counts])).toEqual(whole);
    }
  });

  test('gives the same counts for a part of the rows, from a shared tree, and over shared memory', () => {
    const asked = randomPoints(500, 3, [-75, 40, -73, 42]);
    const of = randomPoints(500, 4, [-75, 40, -73, 42]);
    const whole = counted(asked, of, [MILE_M, 10 * MILE_M]);
    const ofTree = structuredClone(buildBallTree({ lon: of.lon, lat: of.lat }));
    const parts = [
      counted(asked, of, [MILE_M, 10 * MILE_M], { to: 123, ofTree }),
      counted(asked, of, [MILE_M, 10 * MILE_M], { from: 123 }),
    ];
    expect(parts[0]!.map((counts, k) => [...counts, ...parts[1]![k]!])).toEqual(whole);
    expect(countWithin({ ...asked, ofLon: of.lon, ofLat: of.lat, radiiM: [1] })[0]!.buffer).toBeInstanceOf(
      SharedArrayBuffer,
    );
  });

  test('counts nothing among no points, and takes no radius at all', () => {
    expect(counted(pointsOf([[1, 2]]), pointsOf([]), [10])).toEqual([[0]]);
    expect(counted(pointsOf([]), pointsOf([[1, 2]]), [10])).toEqual([[]]);
    expect(counted(pointsOf([[1, 2]]), pointsOf([[1, 2]]), [])).toEqual([]);
  });

  test('tells its progress up to the last row', () => {
    const asked = randomPoints(10_000, 5);
    const told: number[] = [];
    countWithin(
      { ...asked, ofLon: asked.lon, ofLat: asked.lat, radiiM: [1000] },
      { onProgress: (done) => told.push(done) },
    );
    expect(told.length).toBeGreaterThan(1);
    expect(told).toEqual([...told].sort((a, b) => a - b));
    expect(told.at(-1)).toBe(10_000);
  });

  test('refuses arguments that do not fit together, by code', () => {
    const one = pointsOf([[1, 2]]);
    const two = pointsOf([
      [1, 2],
      [3, 4],
    ]);
    const refused = expect.objectContaining({ code: 'GR-3009' });
    expect(() => counted({ lon: one.lon, lat: two.lat }, one, [1])).toThrow(refused);
    expect(() => counted(one, { lon: one.lon, lat: two.lat }, [1])).toThrow(refused);
    expect(() => counted(one, one, [-1])).toThrow(refused);
    expect(() => counted(one, one, [Number.NaN])).toThrow(refused);
    expect(() => counted(one, one, [1], { from: 0, to: 2 })).toThrow(refused);
    expect(() => counted(one, one, [1], { from: 0.5 })).toThrow(refused);
  });
});
