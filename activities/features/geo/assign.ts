import { booleanPointInPolygon } from '@turf/boolean-point-in-polygon';
import type Flatbush from 'flatbush';
import type { MultiPolygon } from 'geojson';
import type { KernelHooks } from '../../types.js';
import { demand, PROGRESS_ROWS, type RowRange, rowRange, sameLength, sharedFloat64, sharedInt32 } from './arrays.js';
import { EARTH_RADIUS_M, pointToSegment, RADIANS } from './distance.js';
import { buildPolygonGrid, cellOf, type PolygonGrid } from './polygon-grid.js';
import { type PolygonLayer, polygonIndex, unpackPolygon } from './polygons.js';

export interface AssignInput extends RowRange {
  /** Degrees. */
  lon: Float64Array;
  lat: Float64Array;
  layer: PolygonLayer;
  /** How far, in metres and inclusive, a point may lie from the nearest edge of a polygon that it is not in; 0 for not at all. */
  maxDistanceM: number;
}

export interface AssignResult {
  /** The polygon of each point asked for; -1 where there is none. */
  polygon: Int32Array;
  /** Metres to the polygon's nearest edge; 0 inside and on the border, NaN where there is no polygon. */
  distanceM: Float64Array;
}

/**
 * Assigns each point to the first polygon that it is in (its border included), else to the polygon whose edge is nearest
 * within `maxDistanceM`, the first of equally near ones. Containment is in the plane of longitude and latitude, as turf's
 * booleanPointInPolygon has it; distance is great-circle to the straight lon/lat edge, and sees across the antimeridian.
 * A point without a coordinate (NaN) has no polygon.
 */
export function assignPoints(input: AssignInput, hooks: KernelHooks = {}): AssignResult {
  const { lon, lat, layer, maxDistanceM } = input;
  const [from, to] = rowRange(input, sameLength({ lon, lat }));
  demand(maxDistanceM >= 0, `the greatest distance is in metres from 0 on: ${maxDistanceM}`);
  const polygon = sharedInt32(to - from).fill(-1);
  const distanceM = sharedFloat64(to - from).fill(Number.NaN);
  const index = polygonIndex(layer);
  if (index === undefined) return { polygon, distanceM };

  const assigner = new Assigner(layer, index);
  for (let row = from; row < to; row++) {
    if (row > from && (row - from) % PROGRESS_ROWS === 0) hooks.onProgress?.(row - from);
    const x = lon[row];
    const y = lat[row];
    if (!Number.isFinite(x + y)) continue;
    const around = assigner.containing(x, y);
    if (around >= 0) {
      polygon[row - from] = around;
      distanceM[row - from] = 0;
    } else if (assigner.nearest(x, y, maxDistanceM)) {
      polygon[row - from] = assigner.best;
      distanceM[row - from] = assigner.bestM;
    }
  }
  hooks.onProgress?.(to - from);
  return { polygon, distanceM };
}

/** The relative error of the side-of-line determinant: Shewchuk's bound, (3 + 16 ε) ε with ε = 2^-53. */
const SIDE_ERROR = (3 + 16 * 2 ** -53) * 2 ** -53;

/** Search boxes grow by this share, and by this many degrees (0.1 mm), so that no rounding shuts out an edge just in reach. */
const BOX_SHARE = 1e-9;
const BOX_DEG = 1e-9;

class Assigner {
  /** What the last call of `nearest` found. */
  best = -1;
  bestM = Number.NaN;
  /** Half height and half width in degrees of the box that holds all within bestM of the point. */
  private halfLat = 0;
  private halfLon = 0;
  /** Polygons that were unpacked for turf, by number. */
  private readonly unpacked = new Map<number, MultiPolygon>();

  private readonly grid: PolygonGrid;

  constructor(
    private readonly layer: PolygonLayer,
    private readonly index: Flatbush,
  ) {
    this.grid = buildPolygonGrid(layer);
  }

  /** The first polygon that holds the point, or -1. */
  containing(x: number, y: number): number {
    const { start, polygons, boxes } = this.grid;
    const cell = cellOf(this.grid, x, y);
    const end = start[cell + 1];
    for (let at = start[cell]; at < end; at++) {
      const polygon = polygons[at];
      const box = polygon * 4;
      if (x < boxes[box] || y < boxes[box + 1] || x > boxes[box + 2] || y > boxes[box + 3]) continue;
      if (this.holds(polygon, x, y)) return polygon;
    }
    return -1;
  }

  /**
   * Whether a polygon holds a point: even-odd over the edges crossed to the point's left, part by part, as turf counts them
   * (Hao et al., "Optimal Reliable Point-in-Polygon Test", 2018). Where a side of an edge is too close to call in doubles,
   * turf is the judge, with exact arithmetic; so the answers are turf's throughout.
   */
  private holds(polygon: number, x: number, y: number): boolean {
    const { partStart, runStart, runBoxes } = this.layer;
    const endPart = partStart[polygon + 1];
    for (let part = partStart[polygon]; part < endPart; part++) {
      let odd = 0;
      const endRun = runStart[part + 1];
      for (let run = runStart[part]; run < endRun; run++) {
        const box = run * 4;
        if (y < runBoxes[box + 1] || y > runBoxes[box + 3] || x < runBoxes[box]) continue;
        const crossings = this.crossings(run, x, y);
        if (crossings < 0) return this.ask(polygon, x, y);
        odd ^= crossings & 1;
      }
      if (odd === 1) return true;
    }
    return false;
  }

  /** How many edges of a run cross the ray to the left of the point; -1 where that cannot be told in doubles. */
  private crossings(run: number, x: number, y: number): number {
    const { lonLat, runEdges } = this.layer;
    const end = runEdges[run * 2 + 1] * 2;
    let count = 0;
    let at = runEdges[run * 2] * 2;
    let u1 = lonLat[at] - x;
    let v1 = lonLat[at + 1] - y;
    while (at < end) {
      at += 2;
      const u2 = lonLat[at] - x;
      const v2 = lonLat[at + 1] - y;
      if ((v2 >= 0 && v1 <= 0) || (v2 <= 0 && v1 >= 0)) {
        const left = u2 * v1;
        const right = u1 * v2;
        const side = left - right;
        if (Math.abs(side) <= SIDE_ERROR * (Math.abs(left) + Math.abs(right))) return -1;
        if ((side > 0 && v2 > 0) || (side < 0 && v2 <= 0 && v1 > 0)) count++;
      }
      u1 = u2;
      v1 = v2;
    }
    return count;
  }

  private ask(polygon: number, x: number, y: number): boolean {
    let geometry = this.unpacked.get(polygon);
    if (geometry === undefined) {
      geometry = unpackPolygon(this.layer, polygon);
      this.unpacked.set(polygon, geometry);
    }
    return booleanPointInPolygon([x, y], geometry);
  }

  /** Looks for the polygon with the nearest edge within reach; leaves it in `best` and `bestM`. */
  nearest(x: number, y: number, reachM: number): boolean {
    this.best = -1;
    this.bestM = reachM;
    if (reachM === 0) return false;
    this.fitBox(y);
    const { minX, maxX } = this.index;
    for (let turn = -360; turn <= 360; turn += 360) {
      // The same point one turn on: edges across the antimeridian are near it in the plane too.
      const turned = x + turn;
      if (turned + this.halfLon < minX || turned - this.halfLon > maxX) continue;
      const { halfLon, halfLat } = this;
      for (const polygon of this.index.search(turned - halfLon, y - halfLat, turned + halfLon, y + halfLat)) {
        this.tryEdges(polygon, turned, y);
      }
    }
    return this.best >= 0;
  }

  /** Sizes the box around everything within bestM of a point: latitude is plain; meridians draw together towards the poles. */
  private fitBox(y: number): void {
    const angle = this.bestM / EARTH_RADIUS_M;
    this.halfLat = (angle / RADIANS) * (1 + BOX_SHARE) + BOX_DEG;
    const sine = Math.sin(Math.min(angle, Math.PI / 2)) / Math.cos(y * RADIANS);
    // Where the cap holds a pole, it holds every longitude.
    this.halfLon = sine < 1 && sine >= 0 ? (Math.asin(sine) / RADIANS) * (1 + BOX_SHARE) + BOX_DEG : 360;
  }

  private tryEdges(polygon: number, x: number, y: number): void {
    const { lonLat, partStart, runStart, runEdges, runBoxes } = this.layer;
    const endRun = runStart[partStart[polygon + 1]];
    for (let run = runStart[partStart[polygon]]; run < endRun; run++) {
      if (!this.inBox(runBoxes[run * 4], runBoxes[run * 4 + 1], runBoxes[run * 4 + 2], runBoxes[run * 4 + 3], x, y)) {
        continue;
      }
      const end = runEdges[run * 2 + 1] * 2;
      for (let at = runEdges[run * 2] * 2; at < end; at += 2) {
        this.tryEdge(polygon, lonLat[at], lonLat[at + 1], lonLat[at + 2], lonLat[at + 3], x, y);
      }
    }
  }

  private tryEdge(polygon: number, x1: number, y1: number, x2: number, y2: number, x: number, y: number): void {
    if (!this.inBox(Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2), x, y)) return;
    const metres = pointToSegment(x, y, x1, y1, x2, y2);
    if (metres < this.bestM) {
      this.bestM = metres;
      this.best = polygon;
      this.fitBox(y);
    } else if (metres === this.bestM && (this.best < 0 || polygon < this.best)) {
      this.best = polygon;
    }
  }

  private inBox(minX: number, minY: number, maxX: number, maxY: number, x: number, y: number): boolean {
    const { halfLon, halfLat } = this;
    return minX <= x + halfLon && maxX >= x - halfLon && minY <= y + halfLat && maxY >= y - halfLat;
  }
}
