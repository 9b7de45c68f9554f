import Flatbush from 'flatbush';
import type { MultiPolygon, Polygon, Position } from 'geojson';
import { sharedFloat64, sharedInt32 } from './arrays.js';

/**
 * Polygons as flat arrays over shared memory, for kernels on any thread.
 *
 * Polygon → parts (an outer ring and its holes) → rings → points. Beside the rings stand runs: stretches of at most RUN_EDGES
 * edges of one ring, each with its box, so that a kernel skips most of a long border by one comparison of boxes.
 */
export interface PolygonLayer {
  polygons: number;
  /** Longitude, latitude of each point, degrees; each ring ends on its first point. */
  lonLat: Float64Array;
  /** First part of each polygon, and the number of parts. */
  partStart: Int32Array;
  /** First ring of each part, and the number of rings. */
  ringStart: Int32Array;
  /** First point of each ring, and the number of points. */
  pointStart: Int32Array;
  /** First run of each part, and the number of runs. */
  runStart: Int32Array;
  /** First point of the first edge of each run, and first point of its last edge plus one: two entries a run. */
  runEdges: Int32Array;
  /** Least longitude, least latitude, greatest longitude, greatest latitude of each run, degrees. */
  runBoxes: Float64Array;
  /** A flatbush over the boxes of the polygons; of no bytes where there are no polygons. */
  index: ArrayBufferLike;
}

/** Long enough that its box costs little, short enough that few edges are looked at in vain; 8 to 64 measured alike. */
const RUN_EDGES = 24;

/** Packs polygons with closed rings (as readLayer gives them); polygon i of the layer is geometry i. */
export function packPolygons(geometries: readonly (Polygon | MultiPolygon)[]): PolygonLayer {
  const polygons = geometries.map((geometry) =>
    geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates,
  );
  const parts = polygons.flat();
  const rings = parts.flat();
  const runs = rings.reduce((sum, ring) => sum + runsOf(ring), 0);
  const layer: PolygonLayer = {
    polygons: polygons.length,
    lonLat: sharedFloat64(2 * rings.reduce((sum, ring) => sum + ring.length, 0)),
    partStart: starts(polygons),
    ringStart: starts(parts),
    pointStart: starts(rings),
    runStart: sharedInt32(parts.length + 1),
    runEdges: sharedInt32(runs * 2),
    runBoxes: sharedFloat64(runs * 4),
    index: new SharedArrayBuffer(0),
  };
  let point = 0;
  for (const ring of rings) {
    for (const [lon, lat] of ring) {
      layer.lonLat[point++] = lon!;
      layer.lonLat[point++] = lat!;
    }
  }
  fillRuns(layer, parts);
  layer.index = indexPolygons(layer);
  return layer;
}

/** The index of a layer's polygons, read in place. Undefined where there are none. */
export const polygonIndex = ({ index }: PolygonLayer): Flatbush | undefined =>
  index.byteLength === 0 ? undefined : Flatbush.from(index);

/** One polygon as GeoJSON again. */
export function unpackPolygon(layer: PolygonLayer, polygon: number): MultiPolygon {
  const { lonLat, partStart, ringStart, pointStart } = layer;
  const coordinates: Position[][][] = [];
  for (let part = partStart[polygon]; part < partStart[polygon + 1]; part++) {
    const rings: Position[][] = [];
    for (let ring = ringStart[part]; ring < ringStart[part + 1]; ring++) {
      const points: Position[] = [];
      for (let point = pointStart[ring]; point < pointStart[ring + 1]; point++) {
        points.push([lonLat[point * 2], lonLat[point * 2 + 1]]);
      }
      rings.push(points);
    }
    coordinates.push(rings);
  }
  return { type: 'MultiPolygon', coordinates };
}

const runsOf = (ring: Position[]): number => Math.ceil((ring.length - 1) / RUN_EDGES);

function starts(lists: readonly { length: number }[]): Int32Array {
  const offsets = sharedInt32(lists.length + 1);
  for (let i = 0; i < lists.length; i++) offsets[i + 1] = offsets[i] + lists[i].length;
  return offsets;
}

function fillRuns(
  { lonLat, pointStart, ringStart, runStart, runEdges, runBoxes }: PolygonLayer,
  parts: Position[][][],
) {
  let run = 0;
  for (let part = 0; part < parts.length; part++) {
    for (let ring = ringStart[part]; ring < ringStart[part + 1]; ring++) {
      const last = pointStart[ring + 1] - 1;
      for (let first = pointStart[ring]; first < last; first += RUN_EDGES, run++) {
        const end = Math.min(first + RUN_EDGES, last);
        runEdges[run * 2] = first;
        runEdges[run * 2 + 1] = end;
        // The last edge ends on the point `end`.
        writeBox(lonLat, first, end + 1, runBoxes, run * 4);
      }
    }
    runStart[part + 1] = run;
  }
}

function writeBox(lonLat: Float64Array, begin: number, end: number, boxes: Float64Array, at: number): void {
  let west = Number.POSITIVE_INFINITY;
  let south = Number.POSITIVE_INFINITY;
  let east = Number.NEGATIVE_INFINITY;
  let north = Number.NEGATIVE_INFINITY;
  for (let point = begin; point < end; point++) {
    const lon = lonLat[point * 2];
    const lat = lonLat[point * 2 + 1];
    if (lon < west) west = lon;
    if (lat < south) south = lat;
    if (lon > east) east = lon;
    if (lat > north) north = lat;
  }
  boxes[at] = west;
  boxes[at + 1] = south;
  boxes[at + 2] = east;
  boxes[at + 3] = north;
}

function indexPolygons({ polygons, lonLat, partStart, ringStart, pointStart }: PolygonLayer): ArrayBufferLike {
  if (polygons === 0) return new SharedArrayBuffer(0);
  const tree = new Flatbush(polygons, 16, Float64Array, SharedArrayBuffer);
  const box = new Float64Array(4);
  for (let polygon = 0; polygon < polygons; polygon++) {
    const begin = pointStart[ringStart[partStart[polygon]]];
    const end = pointStart[ringStart[partStart[polygon + 1]]];
    writeBox(lonLat, begin, end, box, 0);
    tree.add(box[0], box[1], box[2], box[3]);
  }
  tree.finish();
  return tree.data;
}
