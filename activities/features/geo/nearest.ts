import type { KernelHooks } from '../../types.js';
import { demand, PROGRESS_ROWS, type RowRange, rowRange, sameLength, sharedFloat64, sharedInt32 } from './arrays.js';
import { type BallTree, buildBallTree, CHORD_SLACK, toUnit } from './ball-tree.js';
import { greatCircle } from './distance.js';

export interface NearestInput extends RowRange {
  /** The points asked for, degrees. */
  lon: Float64Array;
  lat: Float64Array;
  /** The points to choose from, degrees. */
  ofLon: Float64Array;
  ofLat: Float64Array;
  /** Where groups are given, on both sides, only points of the same group are near; a negative group is no group. */
  group?: Int32Array;
  ofGroup?: Int32Array;
  /** The tree of the points to choose from (built with their groups), where several calls share it. */
  ofTree?: BallTree;
}

export interface NearestResult {
  /** Row of the nearest point, the lowest of equally near ones; -1 where there is none. */
  index: Int32Array;
  /** Metres; NaN where there is none. */
  distanceM: Float64Array;
}

/**
 * Finds the nearest point of each point asked for. Equal to a scan by greatCircle; a point without a coordinate (NaN) has no
 * nearest point and is nobody's.
 */
export function nearest(input: NearestInput, hooks: KernelHooks = {}): NearestResult {
  const { lon, lat, ofLon, ofLat, group, ofGroup } = input;
  const [from, to] = rowRange(input, sameLength({ lon, lat, group }));
  sameLength({ ofLon, ofLat, ofGroup });
  demand((group === undefined) === (ofGroup === undefined), 'groups are given on one side only');
  const tree = input.ofTree ?? buildBallTree({ lon: ofLon, lat: ofLat, group: ofGroup });
  const roots = new Map<number, number>();
  for (let i = 0; i < tree.groups.length; i++) roots.set(tree.groups[i], tree.roots[i]);

  const search = new NearestSearch(input, tree);
  const index = sharedInt32(to - from).fill(-1);
  const distanceM = sharedFloat64(to - from).fill(Number.NaN);
  let lastRoot = -1;
  let lastBest = -1;
  for (let row = from; row < to; row++) {
    if (row > from && (row - from) % PROGRESS_ROWS === 0) hooks.onProgress?.(row - from);
    const root = roots.get(group ? group[row] : 0);
    if (root === undefined || !Number.isFinite(lon[row] + lat[row])) continue;
    // Neighbours in a table are mostly neighbours on the ground: the last answer is a good first guess, and never more.
    lastBest = search.find(row, root, root === lastRoot ? lastBest : tree.begin[root]);
    lastRoot = root;
    const best = tree.rows[lastBest];
    index[row - from] = best;
    distanceM[row - from] = greatCircle(lon[row], lat[row], ofLon[best], ofLat[best]);
  }
  hooks.onProgress?.(to - from);
  return { index, distanceM };
}

/** Deepest stack of nodes put off: one per level, and a halving tree of 2^31 points has fewer than this. */
const DEPTH = 64;

class NearestSearch {
  private readonly unit = new Float64Array(3);
  private readonly stack = new Int32Array(DEPTH);
  private readonly stackChord = new Float64Array(DEPTH);
  private row = 0;
  /** Place of the best point so far in tree order, and its chord. */
  private best = 0;
  private chord = 0;
  /** Squares of chord ± CHORD_SLACK: surely nearer below, surely farther above, greatCircle decides between. */
  private nearer = 0;
  private farther = 0;

  constructor(
    private readonly points: NearestInput,
    private readonly tree: BallTree,
  ) {}

  /** The place, in tree order, of the point nearest to a row; depth first, the nearer child before the other. */
  find(row: number, root: number, guess: number): number {
    const { tree, unit, stack, stackChord } = this;
    const { right } = tree;
    this.row = row;
    toUnit(this.points.lon[row], this.points.lat[row], unit, 0);
    this.take(guess, this.squaredTo(guess));
    let depth = 0;
    let node = root;
    for (;;) {
      while (right[node] !== 0) {
        const left = node + 1;
        const other = right[node];
        const toLeft = this.chordTo(left);
        const toOther = this.chordTo(other);
        const near = toLeft <= toOther ? left : other;
        stack[depth] = near === left ? other : left;
        stackChord[depth] = Math.max(toLeft, toOther);
        depth++;
        node = near;
      }
      this.scan(node);
      while (depth > 0 && stackChord[depth - 1] > this.chord + CHORD_SLACK) depth--;
      if (depth === 0) return this.best;
      depth--;
      node = stack[depth];
    }
  }

  /** The chord to the nearest place that a point of the node can have. */
  private chordTo(node: number): number {
    const { unit } = this;
    const { balls } = this.tree;
    const dx = balls[node * 4] - unit[0];
    const dy = balls[node * 4 + 1] - unit[1];
    const dz = balls[node * 4 + 2] - unit[2];
    return Math.sqrt(dx * dx + dy * dy + dz * dz) - balls[node * 4 + 3];
  }

  private squaredTo(at: number): number {
    const { unit } = this;
    const { xyz } = this.tree;
    const dx = xyz[at * 3] - unit[0];
    const dy = xyz[at * 3 + 1] - unit[1];
    const dz = xyz[at * 3 + 2] - unit[2];
    return dx * dx + dy * dy + dz * dz;
  }

  private scan(node: number): void {
    const end = this.tree.end[node];
    for (let at = this.tree.begin[node]; at < end; at++) {
      const squared = this.squaredTo(at);
      if (squared > this.farther) continue;
      if (squared < this.nearer || this.wins(at)) this.take(at, squared);
    }
  }

  private take(at: number, squared: number): void {
    this.best = at;
    this.chord = Math.sqrt(squared);
    const nearer = this.chord - CHORD_SLACK;
    const farther = this.chord + CHORD_SLACK;
    this.nearer = nearer > 0 ? nearer * nearer : 0;
    this.farther = farther * farther;
  }

  /** The exact judgement between two points whose chords are too close to tell: nearer, or as near and of a lower row. */
  private wins(at: number): boolean {
    const { lon, lat, ofLon, ofLat } = this.points;
    const rival = this.tree.rows[at];
    const holder = this.tree.rows[this.best];
    if (ofLon[rival] === ofLon[holder] && ofLat[rival] === ofLat[holder]) return rival < holder;
    const toRival = greatCircle(lon[this.row], lat[this.row], ofLon[rival], ofLat[rival]);
    const toHolder = greatCircle(lon[this.row], lat[this.row], ofLon[holder], ofLat[holder]);
    return toRival < toHolder || (toRival === toHolder && rival < holder);
  }
}
