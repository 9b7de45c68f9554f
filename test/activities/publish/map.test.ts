import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { geoAlbersUsa, geoPath } from 'd3-geo';
import fc from 'fast-check';
import type { MultiPolygon, Polygon, Position } from 'geojson';
import { feature, mesh } from 'topojson-client';
import type { GeometryCollection, Topology } from 'topojson-specification';
import { describe, expect, test } from 'vitest';
import { renderMap, type Shapes } from '../../../activities/publish/map.js';
import { binPoints } from '../../../activities/publish/map-bins.js';
import { classify } from '../../../activities/publish/map-classes.js';
import { mapFrame, PROJECTIONS } from '../../../activities/publish/map-frame.js';
import { GridPath, windForD3 } from '../../../activities/publish/map-paths.js';
import type { ReportMap } from '../../../activities/publish/report-data.js';
import { dataFolder, needs } from '../../support/needs.js';
import { random } from './random.js';

const square = (w: number, s: number, size: number): Polygon => ({
  type: 'Polygon',
  coordinates: [
    [
      [w, s],
      [w + size, s],
      [w + size, s + size],
      [w, s + size],
      [w, s],
    ],
  ],
});

const pathsOf = (svg: string): string[] =>
  [...svg.matchAll(/<path class="q[^"]*" d="([^"]*)"/g)].map(([, d = '']) => d);

const plain = { title: 'Map', label: 'score', projection: 'mercator' } as const;

/** What a path text draws: absolute points, ring by ring. */
const pointsOf = (d: string): Position[][] =>
  d
    .split('M')
    .filter((ring) => ring !== '')
    .map((ring) => {
      const numbers = (ring.match(/-?\d+/g) ?? []).map(Number);
      const points: Position[] = [];
      let [x, y] = [0, 0];
      for (let i = 0; i < numbers.length; i += 2) {
        x += numbers[i] ?? 0;
        y += numbers[i + 1] ?? 0;
        points.push([x, y]);
      }
      return points;
    });

describe('GridPath', () => {
  test('repeats, points on a straight line and rings that vanish are left out', () => {
    const path = new GridPath(2);
    path.moveTo(0, 0);
    for (const [x, y] of [[0.1, 0], [1, 0], [5, 0.1], [5, 5], [0, 5], [0, 0]] as const) path.lineTo(x, y); // biome-ignore format: a ring
    path.closePath();
    path.moveTo(9, 9);
    path.lineTo(9.1, 9);
    path.lineTo(9.1, 9.1);
    path.closePath();
    expect(path.take()).toBe('M0 0l10 0 0 10-10 0z');
    expect(path.take()).toBe('');
  });

  test('what it draws stays within half a grid step of what it was given', () => {
    const coordinate = fc.double({ min: -500, max: 1500, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(coordinate, coordinate), { minLength: 2, maxLength: 30 }), (points) => {
        const path = new GridPath(2);
        path.moveTo(...(points[0] ?? [0, 0]));
        for (const [x, y] of points.slice(1)) path.lineTo(x, y);
        const drawn = pointsOf(path.take()).flat();
        const given = new Set(points.map(([x, y]) => `${Math.round(x * 2)} ${Math.round(y * 2)}`));
        for (const [x, y] of drawn) expect(given.has(`${x} ${y}`)).toBe(true);
      }),
    );
  });
});

describe('windForD3', () => {
  test('a small polygon is small on the map whichever way it was wound, also over the antimeridian', () => {
    const over: Polygon = { type: 'Polygon', coordinates: [[[179, 50], [-179, 50], [-179, 52], [179, 52], [179, 50]]] }; // biome-ignore format: a ring
    for (const shape of [square(-100, 40, 2), over]) {
      const reversed: Polygon = { type: 'Polygon', coordinates: shape.coordinates.map((ring) => [...ring].reverse()) };
      const [a, b] = [shape, reversed].map((one) => geoPath(geoAlbersUsa()).area(windForD3(one)));
      expect(a).toBe(b);
      expect(a).toBeLessThan(5000);
    }
  });
});

describe('mapFrame', () => {
  test('every place of the box is on the paper, wherever the box lies', () => {
    const lon = fc.double({ min: -180, max: 180, noNaN: true });
    const lat = fc.double({ min: -80, max: 80, noNaN: true });
    const names = PROJECTIONS.filter((name) => name !== 'albersUsa');
    fc.assert(
      fc.property(fc.constantFrom(...names), lon, lon, lat, lat, (name, west, east, a, b) => {
        const [south, north] = [Math.min(a, b), Math.max(a, b)];
        const { projection, width, height } = mapFrame(name, [west, south, east, north]);
        expect(height).toBeGreaterThanOrEqual(300);
        expect(height).toBeLessThanOrEqual(800);
        for (const place of [
          [west, south],
          [east, north],
          [west, north],
          [east, south],
        ] as [number, number][]) {
          const [x, y] = projection(place) ?? [Number.NaN, Number.NaN];
          expect(x).toBeGreaterThan(-1);
          expect(x).toBeLessThan(width + 1);
          expect(y).toBeGreaterThan(-1);
          expect(y).toBeLessThan(height + 1);
        }
      }),
      // A box of all longitudes has its west and east border at the same place.
      { examples: [['mercator', -180, 180, -80, 80]] },
    );
  });
});

describe('classify', () => {
  test('classes hold about equal numbers, and the scale runs from its first to its last colour', () => {
    const values = Array.from({ length: 700 }, (_, i) => i ** 2);
    const { of, breaks } = classify(values);
    const counts = new Map<string, number>();
    for (const value of values) counts.set(of(value), (counts.get(of(value)) ?? 0) + 1);
    expect([...counts.keys()]).toEqual(['0', '1', '2', '3', '4', '5', '6']);
    for (const count of counts.values()) expect(count).toBeCloseTo(100, -1);
    expect([breaks[0], breaks[7]]).toEqual([0, 699 ** 2]);
  });

  test('many equal values make fewer classes; missing ones have their own', () => {
    const { of, breaks } = classify([...Array(95).fill(0), 1, 2, 3, 4, 5, null]);
    expect(breaks).toEqual([0, 5]);
    expect([of(0), of(null), of(Number.NaN)]).toEqual(['0', 'none', 'none']);
    expect(classify([null]).breaks).toEqual([]);
    expect(classify([7, 7]).of(7)).toBe('0');
  });

  test('any values are classed in ascending order of colour', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 }), (values) => {
        const { of } = classify(values);
        const steps = [...values].sort((a, b) => a - b).map((value) => Number(of(value)));
        expect(steps).toEqual([...steps].sort((a, b) => a - b));
      }),
    );
  });
});

describe('binPoints', () => {
  test('every point lies in the hexagon whose middle is nearest, and none is lost', () => {
    const next = random(11);
    const n = 3000;
    const lon = Float64Array.from({ length: n }, () => 5 + 5 * next());
    const lat = Float64Array.from({ length: n }, () => 45 + 5 * next());
    const value = Float64Array.from({ length: n }, () => (next() < 0.1 ? Number.NaN : next()));
    const bins = binPoints({ lon, lat, value }, { projection: 'mercator', aggregate: 'sum', maxCells: 200 });
    expect(bins.cells.length).toBeLessThanOrEqual(200);
    expect(bins.outside).toBe(0);
    const { projection } = mapFrame('mercator', bins.extent);
    const rows = new Map<string, number>();
    for (let i = 0; i < n; i++) {
      const [x, y] = projection([lon[i] ?? 0, lat[i] ?? 0]) ?? [0, 0];
      let best = { key: '', distance: Number.POSITIVE_INFINITY };
      for (const cell of bins.cells) {
        const distance = Math.hypot(cell.x - x, cell.y - y);
        if (distance < best.distance) best = { key: `${cell.x} ${cell.y}`, distance };
      }
      // A point in a hexagon is at most its radius from the middle; the middles are rounded to 0.1 px.
      expect(best.distance).toBeLessThanOrEqual(bins.radius + 0.1);
      rows.set(best.key, (rows.get(best.key) ?? 0) + 1);
    }
    // Rounding may move a point on an edge to the neighbour.
    let moved = 0;
    for (const cell of bins.cells) moved += Math.abs(cell.rows - (rows.get(`${cell.x} ${cell.y}`) ?? 0));
    expect(moved).toBeLessThan(n / 50);
    const total = bins.cells.reduce((sum, cell) => sum + (cell.value ?? 0), 0);
    expect(total).toBeCloseTo(
      value.reduce((sum, one) => sum + (Number.isNaN(one) ? 0 : one), 0),
      6,
    );
  });

  test('points that a projection does not show, and rows without a place, are counted as outside', () => {
    const points = {
      lon: Float64Array.of(-100, 2.3, Number.NaN),
      lat: Float64Array.of(40, 48.8, 1),
      value: Float64Array.of(1, 2, 3),
    };
    const bins = binPoints(points, { projection: 'albersUsa', aggregate: 'max' });
    expect([bins.cells.length, bins.outside]).toEqual([1, 2]);
    expect(bins.cells[0]).toMatchObject({ rows: 1, value: 1 });
    expect(renderMap({ ...plain, projection: 'albersUsa', bins })?.note).toBe(
      '2 of 3 rows lie outside this map or have no shape.',
    );
  });

  test('points over the antimeridian make one map, not two ends of the world', () => {
    const points = {
      lon: Float64Array.of(179.9, -179.9),
      lat: Float64Array.of(-17, -17.1),
      value: Float64Array.of(1, 2),
    };
    const bins = binPoints(points, { projection: 'mercator' });
    expect(bins.extent).toEqual([179.9, -17.1, -179.9, -17]);
    expect(bins.cells).toHaveLength(2);
  });

  test('a million rows become at most 4,000 hexagons', () => {
    const next = random(5);
    const n = 1_000_000;
    const lon = Float64Array.from({ length: n }, () => -125 + 58 * next());
    const lat = Float64Array.from({ length: n }, () => 25 + 24 * next());
    const bins = binPoints({ lon, lat, value: lat }, { projection: 'albersUsa' });
    expect(bins.cells.length).toBeLessThanOrEqual(4000);
    expect(bins.cells.length).toBeGreaterThan(1000);
    expect(bins.cells.reduce((sum, cell) => sum + cell.rows, bins.outside)).toBe(n);
    expect(renderMap({ ...plain, projection: 'albersUsa', bins })?.svg.text.length).toBeLessThan(500_000);
  }, 30_000);
});

describe('renderMap', () => {
  const areas = [
    { id: 'a', name: '<script>alert(1)</script>', value: 1 },
    { id: 'b', name: 'B', value: null },
    { id: 'nowhere', name: 'N', value: 5 },
  ];
  const shapes: Shapes = { areas: new Map([['a', square(0, 0, 1)], ['b', square(1, 0, 1)]]) }; // biome-ignore format: two lines at most

  test('areas are coloured and titled, names are escaped, what has no shape is counted', () => {
    const drawn = renderMap({ ...plain, areas }, shapes);
    const svg = drawn?.svg.text ?? '';
    expect(svg).toContain('<title>&lt;script&gt;alert(1)&lt;/script&gt;: 1</title>');
    expect(svg).not.toContain('<script');
    expect(svg.match(/<path class="qnone"/g)).toHaveLength(1);
    expect(svg).toContain('no value');
    expect(drawn?.note).toBe('1 of 3 areas lie outside this map or have no shape.');
    expect(svg).toMatch(/<title id="map-title">Map<\/title>\n?.*<desc id="map-desc">/);
  });

  test('without shapes, hexagons and points there is no map', () => {
    expect(renderMap({ ...plain, areas })).toBeUndefined();
    expect(renderMap(plain)).toBeUndefined();
  });

  test('areas too many to be seen one by one become hexagons within the budget', () => {
    const side = 260;
    const many: NonNullable<ReportMap['areas']> = [];
    const cells = new Map<string, Polygon>();
    for (let i = 0; i < side * side; i++) {
      const id = `cell-${i}`;
      many.push({ id, name: id, value: i % 17 });
      cells.set(id, square((i % side) * 0.1, Math.floor(i / side) * 0.1, 0.1));
    }
    const svg = renderMap({ ...plain, areas: many }, { areas: cells })?.svg.text ?? '';
    expect(Buffer.byteLength(svg)).toBeLessThan(550_000);
    expect(svg).toContain('class="bins"');
  }, 30_000);
});

needs('data').describe('the map of the real counties', () => {
  test('3,231 county shapes are drawn to half a pixel in at most 500 kB, each with its title', () => {
    const file = join(dataFolder(), 'ev_sites/us-atlas/counties-10m.json');
    const topology = JSON.parse(readFileSync(file, 'utf8')) as Topology<
      Record<'counties' | 'states', GeometryCollection<{ name: string }>>
    >;
    const { features } = feature(topology, topology.objects.counties);
    const next = random(3);
    const areas = features.map(({ id, properties }) => ({ id: String(id), name: properties.name, value: next() }));
    const shapes: Shapes = {
      areas: new Map(features.map(({ id, geometry }) => [String(id), geometry as Polygon | MultiPolygon])),
      borders: mesh(topology, topology.objects.states, (a, b) => a !== b),
    };
    const drawn = renderMap({ ...plain, projection: 'albersUsa', areas }, shapes);
    const svg = drawn?.svg.text ?? '';
    expect(Buffer.byteLength(svg)).toBeLessThan(500_000);
    expect(svg).toContain('<g class="areas" transform="scale(0.5)">');
    // 78 municipios of Puerto Rico and 12 counties of the other islands are not on the Albers map of the states.
    expect(drawn?.note).toBe('90 of 3,231 areas lie outside this map or have no shape.');
    expect(pathsOf(svg)).toHaveLength(3141);
    for (const d of pathsOf(svg)) {
      // No county is turned inside out over the whole map: the largest is a part of Alaska.
      const xs = pointsOf(d)
        .flat()
        .map(([x = 0]) => x);
      expect(Math.max(...xs) - Math.min(...xs)).toBeLessThan(300);
    }
  }, 30_000);
});
