import type { KernelHooks } from '../../types.js';
import { demand, PROGRESS_ROWS, type RowRange, rowRange, sameLength, sharedFloat64, sharedInt32 } from './arrays.js';
import { type BallTree, buildBallTree, CHORD_SLACK, chordOf, toUnit } from './ball-tree.js';
import { EARTH_RADIUS_M, greatCircle } from './distance.js';

export interface BufferShareInput extends RowRange {
  /** The sites, degrees. */
  lon: Float64Array;
  lat: Float64Array;
  /** Radius of each site's buffer, metres. */
  radiusM: number;
  /** The centres of the discs, degrees. */
  ofLon: Float64Array;
  ofLat: Float64Array;
  /** Area of each disc in m²; 0 or NaN makes it a point. */
  ofAreaM2: Float64Array;
  /** The tree of the centres, where several calls share it. */
  ofTree?: BallTree;
}

/** Sparse rows: site i (from `from` on) has the entries start[i] to start[i + 1]. */
export interface BufferShareResult {
  start: Int32Array;
  /** Row of the disc, ascending within a site. */
  index: Int32Array;
  /** The share of the disc's area inside the buffer, above 0 and at most 1. */
  share: Float64Array;
}

/** Buffers and discs are at most hemispheres: beyond, two borders can cut each other into two lenses. */
const HEMISPHERE_RAD = Math.PI / 2;

/**
 * Lists, for each site, the discs that its buffer meets, each with the share of its area inside the buffer. A point (a disc
 * without area) has share 1 if it is within the radius, inclusive.
 *
 * Buffer and disc are caps of the sphere, so the share of a disc that the border cuts has a closed form (see lensArea). It is
 * the limit of turf's circle and intersect for ever more steps, to rounding error, at a thousandth of their cost.
 */
export function bufferShare(input: BufferShareInput, hooks: KernelHooks = {}): BufferShareResult {
  const { lon, lat, radiusM, ofLon, ofLat, ofAreaM2 } = input;
  const [from, to] = rowRange(input, sameLength({ lon, lat }));
  const discs = sameLength({ ofLon, ofLat, ofAreaM2 });
  const reach = radiusM / EARTH_RADIUS_M;
  demand(reach >= 0 && reach <= HEMISPHERE_RAD, `a buffer's radius is in metres, up to a hemisphere: ${radiusM}`);
  const radii = new Float64Array(discs);
  let widest = 0;
  for (let i = 0; i < discs; i++) {
    radii[i] = capRadius(ofAreaM2[i]);
    if (radii[i] > widest) widest = radii[i];
    demand(widest <= HEMISPHERE_RAD, `the disc of row ${i} is larger than a hemisphere: ${ofAreaM2[i]} m²`);
  }

  const tree = input.ofTree ?? buildBallTree({ lon: ofLon, lat: ofLat });
  const start = sharedInt32(to - from + 1);
  const index: number[] = [];
  const share: number[] = [];
  for (let row = from; row < to; row++) {
    if (row > from && (row - from) % PROGRESS_ROWS === 0) hooks.onProgress?.(row - from);
    const near = rowsWithin(tree, lon[row], lat[row], radiusM + widest * EARTH_RADIUS_M).sort();
    for (let i = 0; i < near.length; i++) {
      const disc = near[i];
      const metres = greatCircle(lon[row], lat[row], ofLon[disc], ofLat[disc]);
      const inside =
        radii[disc] === 0 ? Number(metres <= radiusM) : shareOf(radii[disc], reach, metres / EARTH_RADIUS_M);
      if (inside > 0) {
        index.push(disc);
        share.push(inside);
      }
    }
    start[row - from + 1] = index.length;
  }
  hooks.onProgress?.(to - from);
  const result = { start, index: sharedInt32(index.length), share: sharedFloat64(share.length) };
  result.index.set(index);
  result.share.set(share);
  return result;
}

/** Angular radius of the cap of an area in m²: area = 4 π R² sin²(r / 2). */
function capRadius(areaM2: number): number {
  if (!(areaM2 > 0)) return 0;
  return 2 * Math.asin(Math.min(1, Math.sqrt(areaM2 / (4 * Math.PI)) / EARTH_RADIUS_M));
}

/** Area of a cap on the unit sphere. */
const capArea = (radius: number): number => 4 * Math.PI * Math.sin(radius / 2) ** 2;

/** Share of a cap of radius `disc` that lies in a cap of radius `buffer` at a distance; all in radians. */
function shareOf(disc: number, buffer: number, apart: number): number {
  if (apart + disc <= buffer) return 1;
  if (apart >= buffer + disc) return 0;
  if (apart + buffer <= disc) return capArea(buffer) / capArea(disc);
  return Math.min(1, Math.max(0, lensArea(disc, buffer, apart) / capArea(disc)));
}

/**
 * Area of the intersection of two caps of radii a and b at distance d whose borders cross, on the unit sphere: the sectors
 * that see the lens from either centre, less the kite of the centres and the two crossings. Half-angle formulas for the
 * sectors and l'Huilier's theorem for the triangle (Todhunter, "Spherical Trigonometry", §45 and §102) keep it exact for
 * caps of any size, where the arc-cosine form loses small ones.
 */
function lensArea(a: number, b: number, d: number): number {
  const s = (a + b + d) / 2;
  // Near a tangent the sides may miss the triangle inequality by a rounding.
  const sd = Math.max(0, s - d);
  const sa = Math.max(0, s - a);
  const sb = Math.max(0, s - b);
  const angleA = 2 * Math.atan2(Math.sqrt(Math.sin(sd) * Math.sin(sa)), Math.sqrt(Math.sin(s) * Math.sin(sb)));
  const angleB = 2 * Math.atan2(Math.sqrt(Math.sin(sd) * Math.sin(sb)), Math.sqrt(Math.sin(s) * Math.sin(sa)));
  const sectors = 4 * angleA * Math.sin(a / 2) ** 2 + 4 * angleB * Math.sin(b / 2) ** 2;
  const quarterExcess = Math.atan(Math.sqrt(Math.tan(s / 2) * Math.tan(sd / 2) * Math.tan(sa / 2) * Math.tan(sb / 2)));
  return sectors - 8 * quarterExcess;
}

/** Rows of the tree within a distance of a point, and perhaps a few more by a hair, in no order. */
function rowsWithin(tree: BallTree, lon: number, lat: number, metres: number): Int32Array {
  const unit = new Float64Array(3);
  toUnit(lon, lat, unit, 0);
  const [x, y, z] = unit as unknown as [number, number, number];
  const reach = chordOf(metres) + CHORD_SLACK;
  const found: number[] = [];
  const stack = [...tree.roots];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    const { balls, xyz, rows, right } = tree;
    const apart = Math.hypot(balls[node * 4] - x, balls[node * 4 + 1] - y, balls[node * 4 + 2] - z);
    // Written so that a point without coordinates (NaN) is near nothing.
    if (!(apart - balls[node * 4 + 3] <= reach)) continue;
    if (right[node] !== 0) {
      stack.push(right[node], node + 1);
      continue;
    }
    for (let i = tree.begin[node]; i < tree.end[node]; i++) {
      const dx = xyz[i * 3] - x;
      const dy = xyz[i * 3 + 1] - y;
      const dz = xyz[i * 3 + 2] - z;
      if (dx * dx + dy * dy + dz * dz <= reach * reach) found.push(rows[i]);
    }
  }
  return Int32Array.from(found);
}
