import type { Polygon, Position } from 'geojson';
import { describe, expect, test } from 'vitest';
import { type LayerFormat, type LayerOptions, readLayer } from '../../../../activities/features/geo/layers.js';
import { packPolygons, unpackPolygon } from '../../../../activities/features/geo/polygons.js';

const square: Position[] = [
  [0, 0],
  [1, 0],
  [1, 1],
  [0, 1],
  [0, 0],
];
const hole: Position[] = [
  [0.2, 0.2],
  [0.2, 0.4],
  [0.4, 0.4],
  [0.2, 0.2],
];
const short: Position[] = [
  [0.5, 0.5],
  [0.6, 0.6],
  [0.5, 0.5],
];

const feature = (type: string, coordinates: unknown, more: object = {}) => ({
  type: 'Feature',
  properties: { name: 'n' },
  geometry: { type, coordinates },
  ...more,
});
const collection = (...features: unknown[]): string => JSON.stringify({ type: 'FeatureCollection', features });

/** Two unit squares side by side that share an arc, and a ring of two points (three with the start again). */
const topology = {
  type: 'Topology',
  arcs: [
    [
      [1, 0],
      [1, 1],
    ],
    [
      [1, 1],
      [0, 1],
      [0, 0],
      [1, 0],
    ],
    [
      [1, 0],
      [2, 0],
      [2, 1],
      [1, 1],
    ],
    [
      [5, 5],
      [6, 6],
      [5, 5],
    ],
  ],
  objects: {
    shapes: {
      type: 'GeometryCollection',
      geometries: [
        { type: 'Polygon', id: '01', properties: { name: 'left' }, arcs: [[0, 1]] },
        { type: 'MultiPolygon', id: 2, arcs: [[[2, -1]], [[3]]] },
        { type: 'Polygon', id: '03', arcs: [[3]] },
        { type: 'Point', coordinates: [0, 0] },
        { type: null },
      ],
    },
    one: { type: 'Polygon', id: 'solo', arcs: [[0, 1], [3]] },
  },
};

describe('readLayer of TopoJSON', () => {
  test('S0.2 joins shared arcs in both directions into closed rings', () => {
    const { features } = readLayer(JSON.stringify(topology), 'topojson', { object: 'shapes' });
    expect(features).toEqual([
      {
        id: '01',
        properties: { name: 'left' },
        geometry: {
          type: 'Polygon',
          coordinates: [
            [
              [1, 0],
              [1, 1],
              [0, 1],
              [0, 0],
              [1, 0],
            ],
          ],
        },
      },
      {
        id: '2',
        properties: {},
        geometry: {
          type: 'MultiPolygon',
          coordinates: [
            [
              [
                [1, 0],
                [2, 0],
                [2, 1],
                [1, 1],
                [1, 0],
              ],
            ],
          ],
        },
      },
    ]);
  });

  test('drops and counts short rings instead of padding them, and lists features that are left with none', () => {
    const layer = readLayer(JSON.stringify(topology), 'topojson', { object: 'shapes' });
    expect(layer.ringsDropped).toBe(2);
    expect(layer.faults).toMatchObject([
      { index: 2, id: '03', reason: 'it has no ring of 4 points or more' },
      { index: 3, id: null, reason: 'it is Point, not a Polygon or MultiPolygon' },
      { index: 4, id: null, reason: 'it is no geometry, not a Polygon or MultiPolygon' },
    ]);
    expect(readLayer(JSON.stringify(topology), 'topojson', { object: 'one' })).toMatchObject({
      features: [{ id: 'solo', geometry: { coordinates: [{ length: 5 }] } }],
      ringsDropped: 1,
    });
  });

  test('takes the only object unasked, and undoes quantization', () => {
    const quantized = {
      ...topology,
      transform: { scale: [0.5, 0.25], translate: [-10, 50] },
      arcs: [
        [
          [0, 0],
          [2, 0],
          [0, 4],
          [-2, -4],
        ],
      ],
      objects: { only: { type: 'Polygon', arcs: [[0]] } },
    };
    const { features } = readLayer(JSON.stringify(quantized), 'topojson');
    expect(features[0]?.geometry.coordinates).toEqual([
      [
        [-10, 50],
        [-9, 50],
        [-9, 51],
        [-10, 50],
      ],
    ]);
  });
});

describe('readLayer of GeoJSON', () => {
  test('reads collections, single features and bare polygons, with a byte order mark or without', () => {
    const text = collection(feature('Polygon', [square, hole], { id: 7 }), feature('MultiPolygon', [[square]]));
    const { features } = readLayer(new TextEncoder().encode(`\uFEFF${text}`), 'geojson');
    expect(features.map(({ id }) => id)).toEqual(['7', null]);
    expect(features[0]?.geometry).toEqual({ type: 'Polygon', coordinates: [square, hole] });
    expect(readLayer(`\uFEFF${JSON.stringify(feature('Polygon', [square]))}`, 'geojson').features).toHaveLength(1);
    const bare: Polygon = { type: 'Polygon', coordinates: [square] };
    expect(readLayer(JSON.stringify(bare), 'geojson').features[0]).toEqual({
      id: null,
      properties: {},
      geometry: bare,
    });
  });

  test('drops short holes alone, and the holes of a short outer ring with it', () => {
    const layer = readLayer(
      collection(feature('Polygon', [square, short]), feature('MultiPolygon', [[short, hole], [square]])),
      'geojson',
    );
    expect(layer.ringsDropped).toBe(3);
    expect(layer.features.map(({ geometry }) => geometry.coordinates)).toEqual([[square], [[square]]]);
    expect(layer.faults).toEqual([]);
  });

  test('lists what is no polygon, or a broken one, by its place, and goes on', () => {
    const layer = readLayer(
      collection(
        feature('LineString', square),
        { type: 'Feature', properties: null, geometry: null },
        feature('Polygon', [square.slice(0, 4)]),
        feature('Polygon', [
          [
            [0, 0],
            [500_000, 0],
            [0, 500_000],
            [0, 0],
          ],
        ]),
        feature('Polygon', [[['0', 0]]]),
        feature('Polygon', 'none'),
        feature('Polygon', [square]),
        null,
      ),
      'geojson',
    );
    expect(layer.features).toHaveLength(1);
    expect(layer.faults.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 7]);
    expect(layer.faults.map(({ reason }) => reason)).toEqual([
      'it is LineString, not a Polygon or MultiPolygon',
      'it is no geometry, not a Polygon or MultiPolygon',
      'its ring from [0,0] is not closed',
      'its point [500000,0] is not a longitude and latitude in degrees',
      'its point ["0",0] is not a longitude and latitude in degrees',
      'its coordinates are not lists of rings',
      'it is no geometry, not a Polygon or MultiPolygon',
    ]);
  });
});

describe('readLayer of a file that is no layer', () => {
  const text = JSON.stringify(topology);
  const cases: [
    name: string,
    content: Uint8Array | string,
    format: LayerFormat,
    options: LayerOptions,
    says: RegExp,
  ][] = [
    ['half a file', text.slice(0, -9), 'topojson', {}, /not JSON/],
    ['an empty file', '', 'geojson', {}, /not JSON/],
    ['bytes that are no text', Uint8Array.of(0xff, 0xfe, 0x00), 'geojson', {}, /not UTF-8/],
    ['GeoJSON for TopoJSON', collection(), 'topojson', {}, /not TopoJSON/],
    ['TopoJSON for GeoJSON', text, 'geojson', {}, /its type is "Topology"/],
    ['a number', '1', 'geojson', {}, /no object with a type/],
    ['an object that is not there', text, 'topojson', { object: 'counties' }, /no object counties, only shapes, one/],
    ['an object by an inherited name', text, 'topojson', { object: 'toString' }, /no object toString/],
    ['no name where there are two objects', text, 'topojson', {}, /name one of shapes, one/],
    ['arcs that are not there', JSON.stringify({ ...topology, arcs: [] }), 'topojson', { object: 'one' }, /damaged/],
  ];
  test.each(cases)('%s is GR-2002 and names the file', (_, content, format, options, says) => {
    const read = () => readLayer(content, format, { ...options, file: 'shapes.json' });
    expect(read).toThrow(says);
    expect(read).toThrow(expect.objectContaining({ code: 'GR-2002', where: [{ file: 'shapes.json' }] }));
  });
});

describe('packPolygons', () => {
  const layer = packPolygons([
    { type: 'Polygon', coordinates: [square, hole] },
    { type: 'MultiPolygon', coordinates: [[square], [hole]] },
  ]);

  test('keeps every point, and shares its arrays with other threads', () => {
    expect(unpackPolygon(layer, 0).coordinates).toEqual([[square, hole]]);
    expect(unpackPolygon(layer, 1).coordinates).toEqual([[square], [hole]]);
    expect(structuredClone(layer).lonLat.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(layer.index).toBeInstanceOf(SharedArrayBuffer);
  });

  test('covers each edge by exactly one run, whose box holds it', () => {
    const circle = Array.from(
      { length: 101 },
      (_, i): Position => [Math.cos((i % 100) / 16), Math.sin((i % 100) / 16)],
    );
    const { runEdges, runBoxes, lonLat } = packPolygons([{ type: 'Polygon', coordinates: [circle, hole] }]);
    const edges: number[] = [];
    for (let run = 0; run < runEdges.length / 2; run++) {
      for (let edge = runEdges[run * 2]!; edge < runEdges[run * 2 + 1]!; edge++) {
        edges.push(edge);
        for (const point of [edge, edge + 1]) {
          expect(lonLat[point * 2]).toBeGreaterThanOrEqual(runBoxes[run * 4]!);
          expect(lonLat[point * 2 + 1]).toBeGreaterThanOrEqual(runBoxes[run * 4 + 1]!);
          expect(lonLat[point * 2]).toBeLessThanOrEqual(runBoxes[run * 4 + 2]!);
          expect(lonLat[point * 2 + 1]).toBeLessThanOrEqual(runBoxes[run * 4 + 3]!);
        }
      }
    }
    expect(edges).toEqual([...Array(100).keys(), 101, 102, 103]);
  });
});
