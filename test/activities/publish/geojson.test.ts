import { area, bbox, booleanClockwise, coordAll } from '@turf/turf';
import fc from 'fast-check';
import type { Feature, FeatureCollection, MultiPolygon, Polygon, Position } from 'geojson';
import { describe, expect, test } from 'vitest';
import { pointBounds } from '../../../activities/publish/bounds.js';
import { pointsGeoJson, polygonsGeoJson } from '../../../activities/publish/geojson.js';

const columns = { lon: 'lon', lat: 'lat', id: 'geoid', properties: ['geoid', 'score', 'note'] };
const read = (text: string): FeatureCollection => JSON.parse(text) as FeatureCollection;
const points = (...places: [number, number][]) =>
  places.map(([lon, lat], i) => ({ lon, lat, geoid: `t${i}`, score: i, note: null }));

const sixDecimals = (text: string): void => {
  for (const [, decimals = ''] of text.matchAll(/-?\d+\.(\d+)(?=[,\]])/g))
    expect(decimals.length).toBeLessThanOrEqual(6);
};

/** RFC 7946 as far as these collections go: members, types, coordinate ranges, closed rings wound by the right hand. */
const checkStructure = (collection: FeatureCollection): void => {
  expect(Object.keys(collection).filter((key) => !['type', 'bbox', 'features'].includes(key))).toEqual([]);
  expect(collection.type).toBe('FeatureCollection');
  for (const feature of collection.features) {
    expect(feature.type).toBe('Feature');
    expect(Object.keys(feature).sort()).toEqual(expect.arrayContaining(['geometry', 'properties', 'type']));
    if (feature.geometry === null) continue;
    for (const [lon = 999, lat = 999] of coordAll(feature)) {
      expect(Math.abs(lon)).toBeLessThanOrEqual(180);
      expect(Math.abs(lat)).toBeLessThanOrEqual(90);
    }
    const { geometry } = feature as Feature<Polygon | MultiPolygon>;
    const parts =
      geometry.type === 'Polygon'
        ? [geometry.coordinates]
        : geometry.type === 'MultiPolygon'
          ? geometry.coordinates
          : [];
    for (const part of parts) {
      for (const [i, ring] of part.entries()) {
        expect(ring.length).toBeGreaterThanOrEqual(4);
        expect(ring[0]).toEqual(ring[ring.length - 1]);
        expect(booleanClockwise(ring)).toBe(i > 0);
      }
    }
  }
};

describe('pointsGeoJson', () => {
  test('rows become points with id, bbox and the row as properties, one feature a line, without crs', () => {
    const text = pointsGeoJson(
      [
        { geoid: '06037', lon: -118.24368312345, lat: 34.05223412345, score: 71.5, note: 'a "note"', hidden: 1 },
        { geoid: '36061', lon: -73.99, lat: 40.73, score: Number.NaN, note: undefined, hidden: 2 },
      ],
      columns,
    );
    expect(text).toBe(
      `{"type":"FeatureCollection","bbox":[-118.243683,34.052234,-73.99,40.73],"features":[
{"type":"Feature","id":"06037","geometry":{"type":"Point","coordinates":[-118.243683,34.052234]},"properties":{"geoid":"06037","score":71.5,"note":"a \\"note\\""}},
{"type":"Feature","id":"36061","geometry":{"type":"Point","coordinates":[-73.99,40.73]},"properties":{"geoid":"36061","score":null,"note":null}}
]}
`,
    );
    checkStructure(read(text));
    expect(bbox(read(text))).toEqual(read(text).bbox);
  });

  test('a collection over the antimeridian has west > east in its bbox (RFC 7946 §5.2)', () => {
    // The example of the RFC: the Fiji archipelago.
    expect(read(pointsGeoJson(points([177, -20], [-178, -16], [179.5, -18]), columns)).bbox).toEqual([
      177, -20, -178, -16,
    ]);
    expect(read(pointsGeoJson(points([-179, 0], [170, 1]), columns)).bbox).toEqual([170, 0, -179, 1]);
    expect(read(pointsGeoJson(points([180, 5], [-180, 6]), columns)).bbox).toEqual([180, 5, -180, 6]);
  });

  test('no rows give a valid empty collection without bbox', () => {
    expect(read(pointsGeoJson([], columns))).toEqual({ type: 'FeatureCollection', features: [] });
  });

  test('a row without a place has a null geometry and does not count for the bbox', () => {
    const text = pointsGeoJson([...points([10, 20]), { lon: Number.NaN, lat: 1, geoid: 'x' }, { geoid: 'y' }], columns);
    expect(read(text).features.map(({ geometry }) => geometry?.type ?? null)).toEqual(['Point', null, null]);
    expect(read(text).bbox).toEqual([10, 20, 10, 20]);
  });

  test('degrees out of range or as text are refused with their row', () => {
    for (const bad of [181, Number.POSITIVE_INFINITY, '12']) {
      expect(() => pointsGeoJson([...points([0, 0]), { lon: bad, lat: 0, geoid: 'x' }], columns)).toThrow(
        expect.objectContaining({ code: 'GR-2104', where: [{ row: 2, note: 'lon' }] }),
      );
    }
  });

  test('bigints, instants, -0 and columns named like members of Object survive', () => {
    const row = JSON.parse('{"__proto__": "p", "constructor": "c"}') as Record<string, unknown>;
    Object.assign(row, { lon: -0, lat: -1e-9, geoid: 7n, at: new Date(0), big: 2n ** 63n, zero: -0 });
    const names = ['__proto__', 'constructor', 'toString', 'at', 'big', 'zero'];
    const text = pointsGeoJson([row], { ...columns, properties: names });
    expect(text.split('\n')[1]).toBe(
      '{"type":"Feature","id":7,"geometry":{"type":"Point","coordinates":[0,0]},"properties":{"__proto__":"p","constructor":"c","toString":null,"at":"1970-01-01T00:00:00.000Z","big":"9223372036854775808","zero":0}}',
    );
  });

  test('for any points the bbox holds all of them and no shorter arc of longitude does', () => {
    const place = fc.tuple(
      fc.integer({ min: -1800, max: 1800 }).map((x) => x / 10),
      fc.integer({ min: -900, max: 900 }).map((y) => y / 10),
    );
    fc.assert(
      fc.property(fc.array(place, { minLength: 1, maxLength: 12 }), (places) => {
        const text = pointsGeoJson(points(...places), columns);
        checkStructure(read(text));
        sixDecimals(text);
        const [west = 0, south = 0, east = 0, north = 0] = read(text).bbox ?? [];
        const width = (w: number, e: number): number => (e < w ? e + 360 - w : e - w);
        const holds = (w: number, e: number): boolean =>
          places.every(([x]) => (w <= e ? x >= w && x <= e : x >= w || x <= e));
        expect(holds(west, east)).toBe(true);
        expect([south, north]).toEqual([Math.min(...places.map(([, y]) => y)), Math.max(...places.map(([, y]) => y))]);
        for (const [w] of places) {
          for (const [e] of places) if (holds(w, e)) expect(width(west, east)).toBeLessThanOrEqual(width(w, e) + 1e-9);
        }
      }),
    );
  });

  test('bounds of nothing are undefined', () => {
    expect(pointBounds([Number.NaN], [1])).toBeUndefined();
  });
});

const polygons = (...shapes: (Polygon | MultiPolygon)[]): string =>
  polygonsGeoJson(
    shapes.map((geometry, i) => ({ id: `p${i}`, geometry, properties: { n: i } })),
    ['n'],
  );
const square = (w: number, s: number, e: number, n: number): Position[] => [
  [w, s],
  [w, n],
  [e, n],
  [e, s],
  [w, s],
]; // clockwise

describe('polygonsGeoJson', () => {
  test('rings are wound by the right hand, whichever way they came', () => {
    const hole = square(2, 2, 3, 3);
    const text = polygons(
      { type: 'Polygon', coordinates: [square(0, 0, 10, 10), hole] },
      { type: 'Polygon', coordinates: [square(0, 0, 10, 10).reverse(), [...hole].reverse()] },
    );
    checkStructure(read(text));
    const [a, b] = read(text).features;
    expect(area(a as Feature)).toBeCloseTo(area(b as Feature), 0);
    expect(read(text).bbox).toEqual([0, 0, 10, 10]);
  });

  test('a polygon over the antimeridian is cut there, its holes too, and keeps its area (RFC 7946 §3.1.9)', () => {
    const over: Polygon = { type: 'Polygon', coordinates: [square(175, -5, -175, 5), square(179, -1, -179, 1)] };
    const here: Polygon = { type: 'Polygon', coordinates: [square(-5, -5, 5, 5), square(-1, -1, 1, 1)] };
    const text = polygons(over);
    checkStructure(read(text));
    expect(read(text).features[0]?.geometry.type).toBe('MultiPolygon');
    expect(read(text).bbox).toEqual([175, -5, -175, 5]);
    expect(area(read(text))).toBeCloseTo(area(read(polygons(here))), -3);
  });

  test('a ring round a pole is closed over the pole', () => {
    const ring: Position[] = [
      [-150, 80],
      [-90, 80],
      [-30, 80],
      [30, 80],
      [90, 80],
      [150, 80],
      [-150, 80],
    ];
    const text = polygons({ type: 'Polygon', coordinates: [ring] });
    checkStructure(read(text));
    const cap = 2 * Math.PI * 6378137 ** 2 * (1 - Math.sin((80 * Math.PI) / 180));
    expect(area(read(text)) / cap).toBeGreaterThan(0.98);
    expect(area(read(text)) / cap).toBeLessThan(1.02);
  });

  test('rings that vanish at six decimals are dropped, and a polygon without rings has a null geometry', () => {
    const speck = square(0, 0, 1e-8, 1e-8);
    const text = polygons(
      { type: 'Polygon', coordinates: [speck] },
      { type: 'Polygon', coordinates: [square(0, 0, 1, 1), speck] },
    );
    checkStructure(read(text));
    expect(read(text).features[0]?.geometry).toBeNull();
    expect(read(text).features[1]?.geometry).toMatchObject({ coordinates: [expect.anything()] });
  });

  test('any convex polygon anywhere gives a valid collection with coordinates of six decimals', () => {
    const around = fc.tuple(
      fc.double({ min: -180, max: 180, noNaN: true }),
      fc.double({ min: -60, max: 60, noNaN: true }),
      fc.double({ min: 0.01, max: 20, noNaN: true }),
    );
    const wrap = (lon: number): number => ((((lon + 180) % 360) + 360) % 360) - 180;
    fc.assert(
      fc.property(around, ([lon, lat, radius]) => {
        const ring = Array.from({ length: 7 }, (_, i): Position => {
          const angle = ((i % 6) * Math.PI) / 3;
          return [wrap(lon + radius * Math.cos(angle)), lat + radius * Math.sin(angle)];
        });
        const text = polygons({ type: 'Polygon', coordinates: [ring] });
        checkStructure(read(text));
        sixDecimals(text);
        const [west = 0, , east = 0] = read(text).bbox ?? [];
        const width = east < west ? east + 360 - west : east - west;
        expect(width).toBeLessThanOrEqual(2 * radius + 1e-5);
      }),
      { numRuns: 60 },
    );
  });
});
