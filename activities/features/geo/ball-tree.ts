import { demand, type RowRange, rowRange, sameLength, sharedFloat64, sharedInt32 } from './arrays.js';
import { EARTH_RADIUS_M, RADIANS } from './distance.js';

/**
 * A static ball tree over points on the unit sphere, as flat arrays over shared memory.
 *
 * Distances between nodes and points are chords (straight lines through the globe): they grow with the great-circle distance
 * and know neither poles nor antimeridian. Chords are only ever used with a margin of CHORD_SLACK; inside it the kernels ask
 * greatCircle, and so give what a naive scan would.
 */
export interface BallTree {
  /** Row of each point, in tree order; rows without a coordinate or with a negative group are left out. */
  rows: Int32Array;
  /** Unit vectors in tree order: x, y, z. */
  xyz: Float64Array;
  /** Nodes in preorder: centre x, y, z and radius (chord). The left child of a node is the next one. */
  balls: Float64Array;
  /** First point of each node, in tree order. */
  begin: Int32Array;
  /** One past the last point of each node. */
  end: Int32Array;
  /** Right child of each node, 0 for a leaf. */
  right: Int32Array;
  /** Groups in ascending order (just 0 if none were given) and the root node of each. */
  groups: Int32Array;
  roots: Int32Array;
}

/**
 * Chords nearer than this to a bound are left to greatCircle. Coordinates of unit vectors are within 2e-15 of the truth for
 * longitudes up to ±360, so chords are within 1e-14; the margin is ten times that, or 0.6 µm on the ground.
 */
export const CHORD_SLACK = 1e-13;

/**
 * Dot products of unit vectors nearer than this to a bound are left to greatCircle. Their error is within 1e-14 too, and
 * the margin again ten times that.
 */
export const DOT_SLACK = 1e-13;

/** Points in a leaf; fewer only in the last one of a group. */
export const LEAF = 8;

/** More than the levels of any tree: halving 2^31 points takes fewer. */
export const DEPTH = 64;

/** The chord, on the unit sphere, of a great-circle distance in metres; Infinity from half the circumference on. */
export function chordOf(metres: number): number {
  const angle = metres / EARTH_RADIUS_M;
  return angle >= Math.PI ? Number.POSITIVE_INFINITY : 2 * Math.sin(angle / 2);
}

/** The dot product of unit vectors at a great-circle distance in metres; -Infinity from half the circumference on. */
export function dotOf(metres: number): number {
  const angle = metres / EARTH_RADIUS_M;
  return angle >= Math.PI ? Number.NEGATIVE_INFINITY : Math.cos(angle);
}

/** Writes the unit vector of a point in degrees. */
export function toUnit(lon: number, lat: number, xyz: Float64Array, at: number): void {
  const cosLat = Math.cos(lat * RADIANS);
  xyz[at] = cosLat * Math.cos(lon * RADIANS);
  xyz[at + 1] = cosLat * Math.sin(lon * RADIANS);
  xyz[at + 2] = Math.sin(lat * RADIANS);
}

export interface BallTreeInput extends RowRange {
  /** Degrees. */
  lon: Float64Array;
  lat: Float64Array;
  /** One tree per group; a negative group is in none. */
  group?: Int32Array | undefined;
}

/** Builds the tree of the rows in range. O(n log n); the shape depends on nothing but the input. */
export function buildBallTree(input: BallTreeInput): BallTree {
  const { lon, lat, group } = input;
  const [from, to] = rowRange(input, sameLength({ lon, lat, group }));
  const { rows, groups, offsets } = sortByGroup(input, from, to);
  const points = rows.length;
  const xyz = sharedFloat64(points * 3);
  for (let i = 0; i < points; i++) toUnit(lon[rows[i]], lat[rows[i]], xyz, i * 3);
  // All leaves are full but the last of each group, and every other node has two children.
  const capacity = 2 * (groups.length + Math.floor(points / LEAF));
  const tree: BallTree = {
    rows,
    xyz,
    balls: sharedFloat64(capacity * 4),
    begin: sharedInt32(capacity),
    end: sharedInt32(capacity),
    right: sharedInt32(capacity),
    groups,
    roots: sharedInt32(groups.length),
  };
  let nodes = 0;
  for (let g = 0; g < groups.length; g++) {
    tree.roots[g] = nodes;
    nodes = grow(tree, nodes, offsets[g], offsets[g + 1]);
  }
  demand(nodes <= capacity, `a tree of ${points} points outgrew its ${capacity} nodes`);
  return tree;
}

/** Rows that have coordinates and a group, grouped, ascending within each group. */
function sortByGroup({ lon, lat, group }: BallTreeInput, from: number, to: number) {
  const sizes = new Map<number, number>();
  let points = 0;
  for (let row = from; row < to; row++) {
    const g = group ? group[row] : 0;
    if (g < 0 || !Number.isFinite(lon[row] + lat[row])) continue;
    sizes.set(g, (sizes.get(g) ?? 0) + 1);
    points++;
  }
  const groups = sharedInt32(sizes.size);
  groups.set([...sizes.keys()]);
  groups.sort();
  const offsets = new Int32Array(groups.length + 1);
  const next = new Map<number, number>();
  for (let i = 0; i < groups.length; i++) {
    next.set(groups[i], offsets[i]);
    offsets[i + 1] = offsets[i] + sizes.get(groups[i])!;
  }
  const rows = sharedInt32(points);
  for (let row = from; row < to; row++) {
    const g = group ? group[row] : 0;
    if (g < 0 || !Number.isFinite(lon[row] + lat[row])) continue;
    const at = next.get(g)!;
    rows[at] = row;
    next.set(g, at + 1);
  }
  return { rows, groups, offsets };
}

/** Writes the node of points [begin, end) and all below it; returns the number of the next free node. */
function grow(tree: BallTree, node: number, begin: number, end: number): number {
  tree.begin[node] = begin;
  tree.end[node] = end;
  const axis = enclose(tree, node, begin, end);
  if (end - begin <= LEAF) return node + 1;
  // Full leaves but the last, so that loops over leaves run to a known end.
  const middle = begin + LEAF * Math.ceil((end - begin) / LEAF / 2);
  select(tree.rows, tree.xyz, middle, begin, end - 1, axis);
  const right = grow(tree, node + 1, begin, middle);
  tree.right[node] = right;
  return grow(tree, right, middle, end);
}

/** Writes the ball around the centre of the points' box; returns the longest axis of the box. */
function enclose({ xyz, balls }: BallTree, node: number, begin: number, end: number): number {
  const ball = node * 4;
  const axis = centre(xyz, begin, end, balls, ball);
  balls[ball + 3] = Math.sqrt(farthest(xyz, begin, end, balls[ball], balls[ball + 1], balls[ball + 2]));
  return axis;
}

/** Writes the centre of the points' box; returns the longest axis. */
function centre(xyz: Float64Array, begin: number, end: number, balls: Float64Array, ball: number): number {
  let lowX = Number.POSITIVE_INFINITY;
  let lowY = lowX;
  let lowZ = lowX;
  let highX = Number.NEGATIVE_INFINITY;
  let highY = highX;
  let highZ = highX;
  for (let at = begin * 3; at < end * 3; at += 3) {
    const x = xyz[at];
    const y = xyz[at + 1];
    const z = xyz[at + 2];
    if (x < lowX) lowX = x;
    if (x > highX) highX = x;
    if (y < lowY) lowY = y;
    if (y > highY) highY = y;
    if (z < lowZ) lowZ = z;
    if (z > highZ) highZ = z;
  }
  balls[ball] = (lowX + highX) / 2;
  balls[ball + 1] = (lowY + highY) / 2;
  balls[ball + 2] = (lowZ + highZ) / 2;
  const long = Math.max(highX - lowX, highY - lowY, highZ - lowZ);
  return long === highX - lowX ? 0 : long === highY - lowY ? 1 : 2;
}

/** The square of the longest chord from a place to a point. */
function farthest(xyz: Float64Array, begin: number, end: number, x: number, y: number, z: number): number {
  let most = 0;
  for (let at = begin * 3; at < end * 3; at += 3) {
    const dx = xyz[at] - x;
    const dy = xyz[at + 1] - y;
    const dz = xyz[at + 2] - z;
    const squared = dx * dx + dy * dy + dz * dz;
    if (squared > most) most = squared;
  }
  return most;
}

/** Floyd–Rivest selection (as in kdbush): puts the k-th point on an axis in place, smaller ones before it, larger after. */
function select(rows: Int32Array, xyz: Float64Array, k: number, first: number, last: number, axis: number): void {
  let left = first;
  let right = last;
  while (right > left) {
    if (right - left > 600) {
      const n = right - left + 1;
      const m = k - left + 1;
      const z = Math.log(n);
      const s = 0.5 * Math.exp((2 * z) / 3);
      const sd = 0.5 * Math.sqrt((z * s * (n - s)) / n) * (m - n / 2 < 0 ? -1 : 1);
      const newLeft = Math.max(left, Math.floor(k - (m * s) / n + sd));
      const newRight = Math.min(right, Math.floor(k + ((n - m) * s) / n + sd));
      select(rows, xyz, k, newLeft, newRight, axis);
    }
    const pivot = xyz[3 * k + axis];
    let i = left;
    let j = right;
    swap(rows, xyz, left, k);
    if (xyz[3 * right + axis] > pivot) swap(rows, xyz, left, right);
    while (i < j) {
      swap(rows, xyz, i++, j--);
      while (xyz[3 * i + axis] < pivot) i++;
      while (xyz[3 * j + axis] > pivot) j--;
    }
    if (xyz[3 * left + axis] === pivot) swap(rows, xyz, left, j);
    else swap(rows, xyz, ++j, right);
    if (j <= k) left = j + 1;
    if (k <= j) right = j - 1;
  }
}

function swap(rows: Int32Array, xyz: Float64Array, i: number, j: number): void {
  const row = rows[i];
  const x = xyz[3 * i];
  const y = xyz[3 * i + 1];
  const z = xyz[3 * i + 2];
  rows[i] = rows[j];
  xyz[3 * i] = xyz[3 * j];
  xyz[3 * i + 1] = xyz[3 * j + 1];
  xyz[3 * i + 2] = xyz[3 * j + 2];
  rows[j] = row;
  xyz[3 * j] = x;
  xyz[3 * j + 1] = y;
  xyz[3 * j + 2] = z;
}
