import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EARTH_RADIUS_M, greatCircle, pointToSegment } from '../../../../activities/features/geo/distance.js';

const degrees = (least: number, most: number) => fc.double({ min: least, max: most, noNaN: true });
const point = fc.tuple(degrees(-180, 180), degrees(-90, 90));
const HALF_TURN_M = Math.PI * EARTH_RADIUS_M;

/** Another formula (Vincenty's for a sphere), well-conditioned at every distance. */
function vincenty(lon1: number, lat1: number, lon2: number, lat2: number): number {
  const r = Math.PI / 180;
  const [a, b, turn] = [lat1 * r, lat2 * r, (lon2 - lon1) * r];
  const across = Math.hypot(
    Math.cos(b) * Math.sin(turn),
    Math.cos(a) * Math.sin(b) - Math.sin(a) * Math.cos(b) * Math.cos(turn),
  );
  return EARTH_RADIUS_M * Math.atan2(across, Math.sin(a) * Math.sin(b) + Math.cos(a) * Math.cos(b) * Math.cos(turn));
}

describe('greatCircle', () => {
  test('agrees with another formula everywhere, antipodes included', () => {
    fc.assert(
      fc.property(point, point, ([lon1, lat1], [lon2, lat2]) => {
        expect(Math.abs(greatCircle(lon1, lat1, lon2, lat2) - vincenty(lon1, lat1, lon2, lat2))).toBeLessThan(1e-7);
        const [antiLon, antiLat] = [lon1 > 0 ? lon1 - 180 : lon1 + 180, -lat1];
        const toAntipode = greatCircle(antiLon, antiLat, lon2, lat2);
        expect(Math.abs(greatCircle(lon1, lat1, lon2, lat2) + toAntipode - HALF_TURN_M)).toBeLessThan(1e-7);
      }),
    );
  });

  test('is symmetric to the bit, and zero between equal points', () => {
    fc.assert(
      fc.property(point, point, ([lon1, lat1], [lon2, lat2]) => {
        expect(greatCircle(lon1, lat1, lon2, lat2)).toBe(greatCircle(lon2, lat2, lon1, lat1));
        expect(greatCircle(lon1, lat1, lon1, lat1)).toBe(0);
      }),
    );
  });

  test('keeps its digits over a micrometre, and knows no antimeridian', () => {
    expect(greatCircle(0, 0, 0, 1e-11) / (1e-11 * (Math.PI / 180) * EARTH_RADIUS_M)).toBeCloseTo(1, 12);
    expect(greatCircle(180, 52, -180, 52)).toBe(0);
    expect(greatCircle(179.9995, 0, -179.9995, 0)).toBeCloseTo(greatCircle(0, 0, 0.001, 0), 6);
    expect(greatCircle(0, 90, 123, 90)).toBeLessThan(1e-8);
    expect(greatCircle(0, -90, 77, 90)).toBeCloseTo(HALF_TURN_M, 6);
  });
});

/** How often a dip is looked at again. */
const ROUNDS = 4;

/** The least distance over a grid of the segment; each dip of the grid is looked at again more finely, several times. */
function sampled(lon: number, lat: number, lon1: number, lat1: number, lon2: number, lat2: number): number {
  const at = (t: number) => greatCircle(lon, lat, lon1 + (lon2 - lon1) * t, lat1 + (lat2 - lat1) * t);
  const dips = (begin: number, end: number, rounds: number): number => {
    const step = (end - begin) / 200;
    const grid = Array.from({ length: 201 }, (_, i) => at(begin + step * i));
    let least = Math.min(...grid);
    if (rounds === 0) return least;
    // In the first round the segment can have several dips; later ones are one dip and rounding noise.
    const isDip = (i: number) =>
      rounds === ROUNDS ? !(grid[i - 1]! < grid[i]!) && !(grid[i + 1]! < grid[i]!) : i === grid.indexOf(least);
    for (const i of grid.keys()) {
      if (!isDip(i)) continue;
      const [low, high] = [Math.max(begin, begin + step * (i - 1)), Math.min(end, begin + step * (i + 1))];
      least = Math.min(least, dips(low, high, rounds - 1));
    }
    return least;
  };
  return dips(0, 1, ROUNDS);
}

describe('pointToSegment', () => {
  const agrees = (lon: number, lat: number, lon1: number, lat1: number, lon2: number, lat2: number) => {
    const found = pointToSegment(lon, lat, lon1, lat1, lon2, lat2);
    const scanned = sampled(lon, lat, lon1, lat1, lon2, lat2);
    // A scan can only overshoot, by less than its last step: 360 degrees / 200 / 100^4, or 2 mm (10 mm allow for latitude).
    expect(found).toBeLessThanOrEqual(scanned + 1e-6);
    expect(found).toBeGreaterThan(scanned - 0.01);
  };

  test('finds the nearest place of short segments', () => {
    const near = degrees(-0.2, 0.2);
    fc.assert(
      fc.property(point, fc.tuple(near, near, near, near), ([lon, lat], [dx1, dy1, dx2, dy2]) => {
        const keep = (y: number) => Math.max(-90, Math.min(90, y));
        agrees(lon, lat, lon + dx1, keep(lat + dy1), lon + dx2, keep(lat + dy2));
      }),
    );
  });

  test('finds the nearest place of segments that span the globe', () => {
    fc.assert(
      fc.property(point, point, point, ([lon, lat], [lon1, lat1], [lon2, lat2]) =>
        agrees(lon, lat, lon1, lat1, lon2, lat2),
      ),
    );
  });

  test('gives the same bits for both directions of a segment', () => {
    fc.assert(
      fc.property(point, point, point, ([lon, lat], [lon1, lat1], [lon2, lat2]) => {
        expect(pointToSegment(lon, lat, lon1, lat1, lon2, lat2)).toBe(pointToSegment(lon, lat, lon2, lat2, lon1, lat1));
      }),
    );
  });

  test('is the distance to the point where the segment is one, and zero on it', () => {
    expect(pointToSegment(10, 50, 11, 51, 11, 51)).toBe(greatCircle(10, 50, 11, 51));
    expect(pointToSegment(10.5, 50, 10, 50, 11, 50)).toBe(0);
  });

  test('follows the parallel, not the great circle, between two points of one latitude', () => {
    expect(pointToSegment(0, 61, -10, 60, 10, 60)).toBeCloseTo(greatCircle(0, 61, 0, 60), 6);
  });

  test('sees a segment across the antimeridian', () => {
    expect(pointToSegment(-179.99, 52, 179.9, 51, 179.9, 53)).toBeCloseTo(
      pointToSegment(0.01, 52, -0.1, 51, -0.1, 53),
      6,
    );
  });
});
