import type { KernelHooks } from '../../types.js';
import { demand, PROGRESS_ROWS, type RowRange, rowRange, sameLength, sharedInt32 } from './arrays.js';
import { type BallTree, buildBallTree, CHORD_SLACK, chordOf } from './ball-tree.js';
import { greatCircle } from './distance.js';

export interface CountWithinInput extends RowRange {
  /** The points asked for, degrees. */
  lon: Float64Array;
  lat: Float64Array;
  /** The points counted, degrees. */
  ofLon: Float64Array;
  ofLat: Float64Array;
  /** Metres, bounds inclusive, in any order. */
  radiiM: readonly number[];
  /** The tree of the points counted, where several calls share it. */
  ofTree?: BallTree;
  /** The tree of all points asked for, where several calls share it; `share` takes the place of the row range then. */
  askedTree?: BallTree;
  share?: Share;
}

/** A part of the walk over a tree, for calls that divide it among them. */
export interface Share {
  /** Of `parts` calls this is number `part`, from 0 on. */
  part: number;
  parts: number;
  /** One array a radius over shared memory, one count a row; each call writes those of its own rows. */
  counts: Int32Array[];
}

/**
 * Counts, for each point asked for, the points within each radius of it. Returns one array per radius, in their order, with
 * one count per row asked for. Equal to a scan by greatCircle; a point without a coordinate (NaN) is within nothing.
 *
 * Both sides stand in ball trees that are walked together, all radii at once (Gray & Moore, "N-Body Problems in Statistical
 * Learning", 2000): a pair of balls that lies between two radii is counted whole, so the cost follows the number of borders,
 * not of neighbours.
 */
export function countWithin(input: CountWithinInput, hooks: KernelHooks = {}): Int32Array[] {
  const { lon, lat, ofLon, ofLat, radiiM } = input;
  const [from, to] = rowRange(input, sameLength({ lon, lat }));
  sameLength({ ofLon, ofLat });
  demand(
    radiiM.every((radius) => radius >= 0),
    `radii are metres from 0 on: ${radiiM.join(', ')}`,
  );
  const rings = [...new Set(radiiM)].sort((a, b) => a - b);
  const { askedTree, share = { part: 0, parts: 1, counts: radiiM.map(() => sharedInt32(to - from)) } } = input;
  const asked = askedTree ?? buildBallTree({ lon, lat, from, to });
  const first = askedTree === undefined ? from : 0;
  const walk = new RingWalk(input, asked, input.ofTree ?? buildBallTree({ lon: ofLon, lat: ofLat }), rings);
  walk.run(share, hooks);
  for (let i = 0; i < radiiM.length; i++) walk.sumUpTo(rings.indexOf(radiiM[i]), share.counts[i], first);
  return share.counts;
}

/** Counts pairs by ring: ring k holds the distances above radius k - 1 and up to radius k. */
class RingWalk {
  private readonly inner: Float64Array;
  private readonly outer: Float64Array;
  private readonly innerSquared: Float64Array;
  private readonly outerSquared: Float64Array;
  /** Counts by ring of whole nodes, and of single points, of the tree asked. */
  private readonly ofNode: Int32Array;
  private readonly ofPoint: Int32Array;
  /** Nodes of the asked tree whose points this walk counts for. */
  private own: number[] = [];

  constructor(
    private readonly points: CountWithinInput,
    private readonly asked: BallTree,
    private readonly of: BallTree,
    private readonly radii: number[],
  ) {
    // A chord up to `inner` is surely within the radius, one above `outer` surely not.
    this.inner = Float64Array.from(radii, (radius) => chordOf(radius) - CHORD_SLACK);
    this.outer = Float64Array.from(radii, (radius) => chordOf(radius) + CHORD_SLACK);
    this.innerSquared = this.inner.map((chord) => (chord < 0 ? -1 : chord * chord));
    this.outerSquared = this.outer.map((chord) => chord * chord);
    this.ofNode = new Int32Array(asked.begin.length * radii.length);
    this.ofPoint = new Int32Array(asked.rows.length * radii.length);
  }

  run({ part, parts }: Share, hooks: KernelHooks): void {
    const { asked, of, radii } = this;
    if (radii.length === 0 || of.roots.length === 0 || asked.roots.length === 0) return;
    const blocks = this.blocks();
    // Every parts-th one: neighbouring blocks cost about the same, so the parts do too.
    this.own = blocks.filter((_, i) => i % parts === part);
    let done = 0;
    for (const block of this.own) {
      for (const root of of.roots) this.pair(block, root, 0, radii.length);
      done += asked.end[block] - asked.begin[block];
      hooks.onProgress?.(done);
    }
    this.passDown();
  }

  /** Nodes of the asked tree, one beside the other, that hold every point once: small enough to tell progress by. */
  private blocks(): number[] {
    const { asked } = this;
    const open = [asked.roots[0]];
    const blocks: number[] = [];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (asked.right[node] !== 0 && asked.end[node] - asked.begin[node] > PROGRESS_ROWS)
        open.push(asked.right[node], node + 1);
      else blocks.push(node);
    }
    return blocks;
  }

  /** Writes, for each own row, its points in the rings up to one radius. */
  sumUpTo(last: number, counts: Int32Array, from: number): void {
    const { rows, begin, end } = this.asked;
    const rings = this.radii.length;
    for (const block of this.own) {
      for (let i = begin[block]; i < end[block]; i++) {
        let sum = 0;
        for (let k = 0; k <= last; k++) sum += this.ofPoint[i * rings + k];
        counts[rows[i] - from] = sum;
      }
    }
  }

  /** Counts all pairs of two nodes, known to lie in the rings from `low` to `high` (the number of radii: in none). */
  private pair(a: number, b: number, low: number, high: number): void {
    const { asked, of, inner, outer } = this;
    const dx = asked.balls[a * 4] - of.balls[b * 4];
    const dy = asked.balls[a * 4 + 1] - of.balls[b * 4 + 1];
    const dz = asked.balls[a * 4 + 2] - of.balls[b * 4 + 2];
    const apart = Math.sqrt(dx * dx + dy * dy + dz * dz);
    const radiusA = asked.balls[a * 4 + 3];
    const radiusB = of.balls[b * 4 + 3];
    let lo = low;
    let hi = high;
    while (lo < hi && apart - radiusA - radiusB > outer[lo]) lo++;
    while (lo < hi && apart + radiusA + radiusB <= inner[hi - 1]) hi--;
    const rings = this.radii.length;
    if (lo === hi) {
      if (lo < rings) this.ofNode[a * rings + lo] += of.end[b] - of.begin[b];
      return;
    }
    const rightA = asked.right[a];
    const rightB = of.right[b];
    if (rightA === 0 && rightB === 0) {
      this.leaves(a, b, lo, hi);
    } else if (rightB === 0 || (rightA !== 0 && radiusA > radiusB)) {
      this.pair(a + 1, b, lo, hi);
      this.pair(rightA, b, lo, hi);
    } else {
      this.pair(a, b + 1, lo, hi);
      this.pair(a, rightB, lo, hi);
    }
  }

  private leaves(a: number, b: number, lo: number, hi: number): void {
    const { asked, of, innerSquared, outerSquared, ofPoint } = this;
    const rings = this.radii.length;
    const endA = asked.end[a];
    const endB = of.end[b] * 3;
    const theirs = of.xyz;
    for (let i = asked.begin[a]; i < endA; i++) {
      const x = asked.xyz[i * 3];
      const y = asked.xyz[i * 3 + 1];
      const z = asked.xyz[i * 3 + 2];
      for (let j = of.begin[b] * 3; j < endB; j += 3) {
        const dx = theirs[j] - x;
        const dy = theirs[j + 1] - y;
        const dz = theirs[j + 2] - z;
        const squared = dx * dx + dy * dy + dz * dz;
        let k = lo;
        while (k < hi && squared > innerSquared[k] && (squared > outerSquared[k] || this.beyond(i, j / 3, k))) k++;
        if (k < rings) ofPoint[i * rings + k]++;
      }
    }
  }

  /** The exact judgement for a pair whose chord is too near to a radius to tell. */
  private beyond(i: number, j: number, k: number): boolean {
    const { lon, lat, ofLon, ofLat } = this.points;
    const row = this.asked.rows[i];
    const ofRow = this.of.rows[j];
    return greatCircle(lon[row], lat[row], ofLon[ofRow], ofLat[ofRow]) > this.radii[k];
  }

  /** Hands the counts of whole nodes down to their points; in preorder a parent comes before its children. */
  private passDown(): void {
    const { asked, ofNode, ofPoint } = this;
    const rings = this.radii.length;
    const nodes = asked.roots.length === 0 ? 0 : asked.begin.length;
    for (let node = 0; node < nodes; node++) {
      const right = asked.right[node];
      for (let k = 0; k < rings; k++) {
        const count = ofNode[node * rings + k];
        if (count === 0) continue;
        if (right === 0) for (let i = asked.begin[node]; i < asked.end[node]; i++) ofPoint[i * rings + k] += count;
        else {
          ofNode[(node + 1) * rings + k] += count;
          ofNode[right * rings + k] += count;
        }
      }
    }
  }
}
