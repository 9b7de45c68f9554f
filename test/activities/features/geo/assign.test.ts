import { booleanPointInPolygon } from '@turf/boolean-point-in-polygon';
import fc from 'fast-check';
import type { MultiPolygon, Polygon, Position } from 'geojson';
import { describe, expect, test } from 'vitest';
import { assignPoints } from '../../../../activities/features/geo/assign.js';
import { greatCircle, pointToSegment } from '../../../../activities/features/geo/distance.js';
import { packPolygons } from '../../../../activities/features/geo/polygons.js';
import { type Points, pointsOf, randomPoints, seeded } from './points.js';

type Shape = Polygon | MultiPolygon;

const box = (west: number, south: number, east: number, north: number): Polygon => ({
  type: 'Polygon',
  coordinates: [
    [
      [west, south],
      [east, south],
      [east, north],
      [west, north],
      [west, south],
    ],
  ],
});

function assigned(points: Points, shapes: Shape[], maxDistanceM = 0, range = {}) {
  const { polygon, distanceM } = assignPoints({ ...points, layer: packPolygons(shapes), maxDistanceM, ...range });
  return { polygon: [...polygon], distanceM: [...distanceM] };
}

const ringsOf = (shape: Shape): Position[][] =>
  shape.type === 'Polygon' ? shape.coordinates : shape.coordinates.flat();

/** Turf on every polygon, then every edge of every polygon. */
function scan({ lon, lat }: Points, shapes: Shape[], maxDistanceM: number) {
  const polygon: number[] = [];
  const distanceM: number[] = [];
  for (let i = 0; i < lon.length; i++) {
    const [x, y] = [lon[i]!, lat[i]!];
    let best = shapes.findIndex((shape) => booleanPointInPolygon([x, y], shape));
    let least = best < 0 ? Number.NaN : 0;
    if (best < 0 && maxDistanceM > 0) {
      shapes.forEach((shape, s) => {
        for (const ring of ringsOf(shape)) {
          for (let e = 0; e + 1 < ring.length; e++) {
            const [a, b] = [ring[e]!, ring[e + 1]!];
            const metres = pointToSegment(x, y, a[0]!, a[1]!, b[0]!, b[1]!);
            if (metres <= maxDistanceM && (best < 0 || metres < least)) {
              least = metres;
              best = s;
            }
          }
        }
      });
    }
    polygon.push(best);
    distanceM.push(least);
  }
  return { polygon, distanceM };
}

/** Stars of random corners (they may cross themselves), on a coarse grid so that points fall on corners and edges. */
const grid = fc.integer({ min: -8, max: 8 });
const ring = fc
  .array(fc.tuple(grid, grid), { minLength: 3, maxLength: 60 })
  .map((corners): Position[] => [...corners, corners[0]!].map(([x, y]) => [x / 4, y / 4]));
const shape: fc.Arbitrary<Shape> = fc.oneof(
  fc.array(ring, { minLength: 1, maxLength: 2 }).map((coordinates): Polygon => ({ type: 'Polygon', coordinates })),
  fc
    .array(fc.array(ring, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 3 })
    .map((coordinates): MultiPolygon => ({ type: 'MultiPolygon', coordinates })),
);
const place = fc.oneof(
  fc.tuple(grid, grid).map(([x, y]): [number, number] => [x / 4, y / 4]),
  fc.tuple(fc.double({ min: -2.2, max: 2.2, noNaN: true }), fc.double({ min: -2.2, max: 2.2, noNaN: true })),
);
const places = fc.array(place, { maxLength: 25 }).map(pointsOf);

describe('assignPoints', () => {
  test("gives turf's answer on any rings, corners and edges included", () => {
    fc.assert(
      fc.property(fc.array(shape, { maxLength: 5 }), places, (shapes, points) => {
        expect(assigned(points, shapes)).toEqual(scan(points, shapes, 0));
      }),
      { numRuns: 300 },
    );
  });

  test('finds the first of many polygons of all sizes, also where most of them cover everything', () => {
    const random = seeded(1);
    const boxes = (count: number, size: () => number): Polygon[] =>
      Array.from({ length: count }, () => {
        const [west, south] = [random() * 300 - 150, random() * 120 - 60];
        return box(west, south, west + size(), south + size() / 4);
      });
    const everywhere = Array.from({ length: 300 }, (_, i) => box(-160 + i / 10, -80, 160, 80));
    const points = randomPoints(300, 2);
    const layers = [
      boxes(300, () => random() ** 4 * 100),
      [...boxes(100, () => 5), ...everywhere.toReversed()],
      [box(1, 2, 1, 90), box(0, 0, 0, 0)],
    ];
    for (const shapes of layers) expect(assigned(points, shapes)).toEqual(scan(points, shapes, 0));
  });

  test('finds the polygon that a scan of all edges finds, within a distance', () => {
    fc.assert(
      fc.property(
        fc.array(shape, { maxLength: 4 }),
        places,
        fc.constantFrom(0, 90, 0.5, -90, 60),
        fc.constantFrom(180, -180, 179, 0),
        fc.double({ min: 1, max: 300_000, noNaN: true }),
        (shapes, points, north, east, reach) => {
          // The same scene anywhere on the globe; points keep to legal coordinates, and wrap, as stations would.
          const move = ([x, y]: Position): [number, number] => [x! + east, Math.max(-90, Math.min(90, y! + north))];
          const moved = shapes.map(
            (s): Shape =>
              s.type === 'Polygon'
                ? { ...s, coordinates: s.coordinates.map((r) => r.map(move)) }
                : { ...s, coordinates: s.coordinates.map((p) => p.map((r) => r.map(move))) },
          );
          const wrap = (x: number) => (x > 180 ? x - 360 : x < -180 ? x + 360 : x);
          const there = pointsOf(
            Array.from(points.lon, (lon, i) => {
              const [x, y] = move([lon, points.lat[i]!]);
              return [wrap(x), y] as const;
            }),
          );
          const [fast, slow] = [assigned(there, moved, reach), scan(there, moved, reach)];
          // A point one turn on has coordinates that differ in the last place, so ties may fall either way there.
          const ties = fast.polygon.filter((polygon, i) => polygon !== slow.polygon[i]).length;
          fast.distanceM.forEach((metres, i) => {
            if (Number.isNaN(metres)) expect(slow.distanceM[i]).toBeNaN();
            else expect(Math.abs(metres - slow.distanceM[i]!)).toBeLessThan(1e-6);
          });
          if (east === 0) expect(ties).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('gives a point on a shared border, or in several polygons, to the first', () => {
    const shapes = [box(1, 0, 2, 1), box(0, 0, 1, 1), box(0, 0, 2, 1)];
    expect(
      assigned(
        pointsOf([
          [1, 0.5],
          [0.5, 0.5],
          [1, 0],
          [1.5, 0.5],
        ]),
        shapes,
      ),
    ).toEqual({
      polygon: [0, 1, 0, 0],
      distanceM: [0, 0, 0, 0],
    });
  });

  test('takes the nearest edge within the distance, which is inclusive, and the first of equally near ones', () => {
    const shapes = [box(5, 5, 6, 6), box(1, 0, 2, 1), box(1, -1, 2, 0)];
    const away = pointToSegment(0.99, 0, 1, 0, 1, 1);
    const point = pointsOf([[0.99, 0]]);
    expect(assigned(point, shapes, away)).toEqual({ polygon: [1], distanceM: [away] });
    expect(assigned(point, shapes, away * (1 - 2 ** -52))).toEqual({ polygon: [-1], distanceM: [Number.NaN] });
    expect(assigned(point, shapes.toReversed(), away)).toEqual({ polygon: [0], distanceM: [away] });
  });

  test('reaches as far east and west at high latitude as metres go, and to the pole', () => {
    const islands = [box(10, 80, 11, 81)];
    const away = greatCircle(9.8, 80.5, 10, 80.5);
    expect(away).toBeLessThan(4000);
    expect(assigned(pointsOf([[9.8, 80.5]]), islands, 4000).polygon).toEqual([0]);
    expect(assigned(pointsOf([[-170, 89.99]]), [box(10, 89.98, 11, 89.985)], 5000).polygon).toEqual([0]);
  });

  test('sees an edge across the antimeridian, both ways', () => {
    const islands = [box(179, 51, 180, 52), box(-179.99, 51, -179, 50)];
    expect(
      assigned(
        pointsOf([
          [-179.995, 51.5],
          [179.999, 50.5],
        ]),
        islands,
        5000,
      ).polygon,
    ).toEqual([0, 1]);
  });

  test('leaves holes out, but for their border', () => {
    const donut: Polygon = {
      type: 'Polygon',
      coordinates: [...box(0, 0, 3, 3).coordinates, ...box(1, 1, 2, 2).coordinates],
    };
    expect(
      assigned(
        pointsOf([
          [0.5, 0.5],
          [1.5, 1.5],
          [1, 1.5],
        ]),
        [donut],
      ).polygon,
    ).toEqual([0, -1, 0]);
  });

  test('gives the same answers for a part of the rows, and nothing where there is no polygon or no coordinate', () => {
    const points = pointsOf([
      [0.5, 0.5],
      [3, 3],
      [1.0001, 0.5],
      [Number.NaN, 0],
    ]);
    const whole = assigned(points, [box(0, 0, 1, 1)], 5000);
    expect(whole.polygon).toEqual([0, -1, 0, -1]);
    expect(assigned(points, [box(0, 0, 1, 1)], 5000, { from: 1, to: 3 }).distanceM).toEqual(
      whole.distanceM.slice(1, 3),
    );
    expect(assigned(points, [], 5000).polygon).toEqual([-1, -1, -1, -1]);
  });

  test('refuses a distance that is none', () => {
    const refused = expect.objectContaining({ code: 'GR-3009' });
    expect(() => assigned(pointsOf([[0, 0]]), [box(0, 0, 1, 1)], -1)).toThrow(refused);
    expect(() => assigned(pointsOf([[0, 0]]), [box(0, 0, 1, 1)], Number.NaN)).toThrow(refused);
  });
});
