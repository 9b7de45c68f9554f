import { type RowRange, rowRange, sameLength } from './arrays.js';
import { type BallTree, CHORD_SLACK, chordOf, toUnit } from './ball-tree.js';
import { greatCircle } from './distance.js';

export interface ReachInput extends RowRange {
  /** Points that may reach a group, in degrees; those with a missing coordinate reach none. */
  lon: Float64Array;
  lat: Float64Array;
  /** Points of the groups, in degrees, and the tree of all of them. */
  ofLon: Float64Array;
  ofLat: Float64Array;
  ofTree: BallTree;
  /** Group of each point of the groups: 0 … groups - 1. */
  group: Int32Array;
  groups: number;
  /** Metres, bound included. */
  radiusM: number;
}

/** Pairs of a point and a group that has a point within reach of it, by ascending point. */
export interface Reach {
  row: Int32Array;
  group: Int32Array;
}

/** More than the levels of any tree. */
const DEPTH = 64;

/**
 * Which groups of points each point reaches. Both kinds of bound keep the margin of the tree's chords, and inside it the
 * great circle decides: the pairs are those of a naive scan. A group that was found once is not looked at again, so a point
 * in the middle of a large group costs one walk to a leaf.
 */
export function reach(input: ReachInput): Reach {
  const { lon, lat, ofLon, ofLat, ofTree, group, groups, radiusM } = input;
  const [from, to] = rowRange(input, sameLength({ lon, lat }));
  const { rows, xyz, balls, begin, end, right, roots } = ofTree;
  const only = groupOfNodes(ofTree, group);
  const chord = chordOf(radiusM);
  const [near, far] = [chord - 2 * CHORD_SLACK, chord + 2 * CHORD_SLACK];
  const seen = new Int32Array(groups).fill(-1);
  const stack = new Int32Array(DEPTH);
  const point = new Float64Array(3);
  const pairs = { row: [] as number[], group: [] as number[] };
  if (roots.length === 0) return { row: new Int32Array(), group: new Int32Array() };

  for (let row = from; row < to; row++) {
    if (!Number.isFinite(lon[row] + lat[row])) continue;
    toUnit(lon[row], lat[row], point, 0);
    const [x, y, z] = [point[0], point[1], point[2]];
    let depth = 0;
    stack[depth++] = roots[0];
    while (depth > 0) {
      const node = stack[--depth];
      const all = only[node];
      if (all >= 0 && seen[all] === row) continue;
      const ball = node * 4;
      const away = squared(balls[ball] - x, balls[ball + 1] - y, balls[ball + 2] - z);
      const outer = far + balls[ball + 3];
      if (away > outer * outer) continue;
      const inner = near - balls[ball + 3];
      if (all >= 0 && inner > 0 && away < inner * inner) {
        seen[all] = row;
        pairs.row.push(row);
        pairs.group.push(all);
        continue;
      }
      if (right[node] > 0) {
        stack[depth++] = right[node];
        stack[depth++] = node + 1;
        continue;
      }
      for (let i = begin[node]; i < end[node]; i++) {
        const own = rows[i];
        const g = group[own];
        if (seen[g] === row) continue;
        const apart = squared(xyz[i * 3] - x, xyz[i * 3 + 1] - y, xyz[i * 3 + 2] - z);
        const sure = near > 0 && apart < near * near;
        if (apart > far * far || (!sure && greatCircle(lon[row], lat[row], ofLon[own], ofLat[own]) > radiusM)) continue;
        seen[g] = row;
        pairs.row.push(row);
        pairs.group.push(g);
      }
    }
  }
  return { row: Int32Array.from(pairs.row), group: Int32Array.from(pairs.group) };
}

const squared = (x: number, y: number, z: number): number => x * x + y * y + z * z;

/** The group of all points below each node, or -1 where there are several. */
function groupOfNodes({ rows, begin, end, right, roots }: BallTree, group: Int32Array): Int32Array {
  const only = new Int32Array(begin.length).fill(-1);
  const nodes = roots.length === 0 ? 0 : lastNode(right, roots[0]) + 1;
  // Preorder: children stand behind their parent.
  for (let node = nodes - 1; node >= 0; node--) {
    if (right[node] > 0) {
      only[node] = only[node + 1] === only[right[node]] ? only[node + 1] : -1;
      continue;
    }
    only[node] = group[rows[begin[node]]];
    for (let i = begin[node] + 1; i < end[node]; i++) if (group[rows[i]] !== only[node]) only[node] = -1;
  }
  return only;
}

function lastNode(right: Int32Array, root: number): number {
  let node = root;
  while (right[node] > 0) node = right[node];
  return node;
}
