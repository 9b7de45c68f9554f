import type { KernelHooks } from '../../types.js';
import { demand, type RowRange, rowRange, sameLength, sharedFloat64, sharedInt32 } from './arrays.js';
import { type BallTree, buildBallTree, CHORD_SLACK, DEPTH, LEAF } from './ball-tree.js';
import { type Block, blocksOf, claim, type Share } from './blocks.js';
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
  /** The tree of all points asked for, built with their groups, for calls that divide them by a `share` and not by rows. */
  askedTree?: BallTree;
  share?: Share & NearestResult;
}

export interface NearestResult {
  /** Row of the nearest point, the lowest of equally near ones; -1 where there is none. */
  index: Int32Array;
  /** Metres; NaN where there is none. */
  distanceM: Float64Array;
}

/** An answer of no points, over shared memory, to be filled by several calls. */
export const emptyNearest = (rows: number): NearestResult => ({
  index: sharedInt32(rows).fill(-1),
  distanceM: sharedFloat64(rows).fill(Number.NaN),
});

/**
 * Finds the nearest point of each point asked for. Equal to a scan by greatCircle; a point without a coordinate (NaN) has no
 * nearest point and is nobody's.
 *
 * Both sides stand in ball trees; a leaf of points asked goes down the other tree as one (Gray & Moore, "N-Body Problems in
 * Statistical Learning", 2000).
 */
export function nearest(input: NearestInput, hooks: KernelHooks = {}): NearestResult {
  const { lon, lat, ofLon, ofLat, group, ofGroup, askedTree } = input;
  const [from, to] = rowRange(input, sameLength({ lon, lat, group }));
  sameLength({ ofLon, ofLat, ofGroup });
  demand((group === undefined) === (ofGroup === undefined), 'groups are given on one side only');
  const asked = askedTree ?? buildBallTree({ lon, lat, group, from, to });
  const of = input.ofTree ?? buildBallTree({ lon: ofLon, lat: ofLat, group: ofGroup });
  const share = input.share ?? { next: sharedInt32(1), ...emptyNearest(to - from) };

  const search = new NearestSearch(input, asked, of);
  const first = askedTree === undefined ? from : 0;
  const blocks = blocksOf(asked);
  let done = 0;
  for (let at = claim(share, blocks.length); at >= 0; at = claim(share, blocks.length)) {
    search.answer(blocks[at], share, first);
    done += asked.end[blocks[at].node] - asked.begin[blocks[at].node];
    hooks.onProgress?.(done);
  }
  return { index: share.index, distanceM: share.distanceM };
}

class NearestSearch {
  private readonly stack = new Int32Array(DEPTH);
  private readonly stackChord = new Float64Array(DEPTH);
  /** Root of the other tree, by group. */
  private readonly ofRoots = new Map<number, number>();
  /** Of each point of the leaf at hand: place of the best point so far in tree order, and its chord. */
  private readonly best = new Int32Array(LEAF);
  private readonly chord = new Float64Array(LEAF);
  /** Squares of chord ± CHORD_SLACK: surely nearer below, surely farther above, greatCircle decides between. */
  private readonly nearer = new Float64Array(LEAF);
  private readonly farther = new Float64Array(LEAF);

  constructor(
    private readonly points: NearestInput,
    private readonly asked: BallTree,
    private readonly of: BallTree,
  ) {
    for (let i = 0; i < of.groups.length; i++) this.ofRoots.set(of.groups[i], of.roots[i]);
  }

  /** Writes the answers of a block; rows are counted from `first` on. */
  answer({ node, root }: Block, { index, distanceM }: NearestResult, first: number): void {
    const { asked, of, best } = this;
    const { lon, lat, ofLon, ofLat } = this.points;
    const ofRoot = this.ofRoots.get(asked.groups[root]);
    if (ofRoot === undefined) return;
    const { begin, end, right, rows } = asked;
    // The answer of the leaf before is a good first guess, and never more.
    let guess = of.begin[ofRoot];
    for (let leaf = node; ; leaf++) {
      if (right[leaf] !== 0) continue;
      this.search(leaf, ofRoot, guess);
      for (let i = begin[leaf]; i < end[leaf]; i++) {
        const row = rows[i];
        const ofRow = of.rows[best[i - begin[leaf]]];
        index[row - first] = ofRow;
        distanceM[row - first] = greatCircle(lon[row], lat[row], ofLon[ofRow], ofLat[ofRow]);
      }
      guess = best[0];
      if (end[leaf] === end[node]) return;
    }
  }

  /** Finds the best points for a leaf: depth first, the nearer child before the other. */
  private search(leaf: number, root: number, guess: number): void {
    const { of, stack, stackChord } = this;
    const { right } = of;
    let reach = this.begin(leaf, guess);
    let depth = 0;
    let node = root;
    for (;;) {
      while (right[node] !== 0) {
        const left = node + 1;
        const other = right[node];
        const toLeft = this.chordTo(leaf, left);
        const toOther = this.chordTo(leaf, other);
        const near = toLeft <= toOther ? left : other;
        stack[depth] = near === left ? other : left;
        stackChord[depth] = Math.max(toLeft, toOther);
        depth++;
        node = near;
      }
      reach = this.scan(leaf, node);
      while (depth > 0 && stackChord[depth - 1] > reach + CHORD_SLACK) depth--;
      if (depth === 0) return;
      depth--;
      node = stack[depth];
    }
  }

  /** The least chord that a point of the leaf and one of the other tree's node can have. */
  private chordTo(leaf: number, node: number): number {
    const ours = this.asked.balls;
    const theirs = this.of.balls;
    const dx = theirs[node * 4] - ours[leaf * 4];
    const dy = theirs[node * 4 + 1] - ours[leaf * 4 + 1];
    const dz = theirs[node * 4 + 2] - ours[leaf * 4 + 2];
    return Math.sqrt(dx * dx + dy * dy + dz * dz) - theirs[node * 4 + 3] - ours[leaf * 4 + 3];
  }

  /** Begins the search of each point of a leaf with one answer; returns the longest chord to it. */
  private begin(leaf: number, guess: number): number {
    const { asked, of } = this;
    const from = asked.begin[leaf];
    const points = asked.end[leaf] - from;
    let reach = 0;
    for (let p = 0; p < points; p++) {
      const dx = of.xyz[guess * 3] - asked.xyz[(from + p) * 3];
      const dy = of.xyz[guess * 3 + 1] - asked.xyz[(from + p) * 3 + 1];
      const dz = of.xyz[guess * 3 + 2] - asked.xyz[(from + p) * 3 + 2];
      this.take(p, guess, dx * dx + dy * dy + dz * dz);
      reach = Math.max(reach, this.chord[p]);
    }
    return reach;
  }

  /** Tries the points of a leaf of the other tree, for those of ours that they can be nearest to; returns as `begin`. */
  private scan(leaf: number, node: number): number {
    const { asked, of, nearer, farther, chord } = this;
    const ours = asked.xyz;
    const theirs = of.xyz;
    const { balls } = of;
    const cx = balls[node * 4];
    const cy = balls[node * 4 + 1];
    const cz = balls[node * 4 + 2];
    const radius = balls[node * 4 + 3] + CHORD_SLACK;
    const begin = of.begin[node];
    const end = of.end[node];
    const from = asked.begin[leaf];
    const points = asked.end[leaf] - from;
    let reach = 0;
    for (let p = 0; p < points; p++) {
      const x = ours[(from + p) * 3];
      const y = ours[(from + p) * 3 + 1];
      const z = ours[(from + p) * 3 + 2];
      const toX = cx - x;
      const toY = cy - y;
      const toZ = cz - z;
      const far = radius + chord[p];
      if (toX * toX + toY * toY + toZ * toZ <= far * far) {
        for (let at = begin; at < end; at++) {
          const dx = theirs[at * 3] - x;
          const dy = theirs[at * 3 + 1] - y;
          const dz = theirs[at * 3 + 2] - z;
          const squared = dx * dx + dy * dy + dz * dz;
          if (squared > farther[p]) continue;
          if (squared < nearer[p] || this.wins(from + p, at, p)) this.take(p, at, squared);
        }
      }
      if (chord[p] > reach) reach = chord[p];
    }
    return reach;
  }

  private take(p: number, at: number, squared: number): void {
    this.best[p] = at;
    const chord = Math.sqrt(squared);
    this.chord[p] = chord;
    this.nearer[p] = chord > CHORD_SLACK ? (chord - CHORD_SLACK) ** 2 : 0;
    this.farther[p] = (chord + CHORD_SLACK) ** 2;
  }

  /** The exact judgement between two points whose chords are too close to tell: nearer, or as near and of a lower row. */
  private wins(place: number, at: number, p: number): boolean {
    const { lon, lat, ofLon, ofLat } = this.points;
    const row = this.asked.rows[place];
    const rival = this.of.rows[at];
    const holder = this.of.rows[this.best[p]];
    if (ofLon[rival] === ofLon[holder] && ofLat[rival] === ofLat[holder]) return rival < holder;
    const toRival = greatCircle(lon[row], lat[row], ofLon[rival], ofLat[rival]);
    const toHolder = greatCircle(lon[row], lat[row], ofLon[holder], ofLat[holder]);
    return toRival < toHolder || (toRival === toHolder && rival < holder);
  }
}
