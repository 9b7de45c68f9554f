import type { KernelHooks } from '../../types.js';
import { demand, type RowRange, rowRange, sameLength, sharedInt32 } from './arrays.js';
import { type BallTree, buildBallTree, CHORD_SLACK, chordOf, DEPTH, DOT_SLACK, dotOf, LEAF } from './ball-tree.js';
import { type Block, blocksOf, claim, type Share } from './blocks.js';
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
  share?: CountShare;
}

/** For calls that divide the points asked among them. */
export interface CountShare extends Share {
  /** One array a radius over shared memory, one count a row, 0 at first; each call adds what it finds. */
  counts: Int32Array[];
}

/**
 * Counts, for each point asked for, the points within each radius of it. Returns one array per radius, in their order, with
 * one count per row asked for. Equal to a scan by greatCircle; a point without a coordinate (NaN) is within nothing.
 *
 * Both sides stand in ball trees that are walked together (Gray & Moore, "N-Body Problems in Statistical Learning", 2000): a
 * pair of balls of which all pairs lie within the radius, or none, is decided whole, so the cost follows the length of borders
 * and not the number of neighbours. Where both sides are one tree, each pair is looked at once and counted for both.
 */
export function countWithin(input: CountWithinInput, hooks: KernelHooks = {}): Int32Array[] {
  const { lon, lat, ofLon, ofLat, radiiM } = input;
  const [from, to] = rowRange(input, sameLength({ lon, lat }));
  sameLength({ ofLon, ofLat });
  demand(
    radiiM.every((radius) => radius >= 0),
    `radii are metres from 0 on: ${radiiM.join(', ')}`,
  );
  const { askedTree, share = { next: sharedInt32(1), counts: radiiM.map(() => sharedInt32(to - from)) } } = input;
  const asked = askedTree ?? buildBallTree({ lon, lat, from, to });
  const of = input.ofTree ?? buildBallTree({ lon: ofLon, lat: ofLat });
  const walks = radiiM.map((radius) => new RadiusWalk(input, asked, of, radius));
  const blocks = of.roots.length === 0 ? [] : blocksOf(asked);
  let done = 0;
  // All radii of a block before the next one: what they look at is still at hand.
  for (let at = claim(share, blocks.length); at >= 0; at = claim(share, blocks.length)) {
    for (const walk of walks) walk.count(blocks[at]);
    done += asked.end[blocks[at].node] - asked.begin[blocks[at].node];
    hooks.onProgress?.(done);
  }
  const first = askedTree === undefined ? from : 0;
  for (let k = 0; k < walks.length; k++) walks[k].addTo(share.counts[k], first);
  return share.counts;
}

/**
 * Counts the pairs within one radius. Down the tree asked, each node takes the list of the nodes over which the border of its
 * parent's radius ran, and leaves those on the list of which it can't tell either. Whether it can is as good as random, so
 * the loops over lists and points have no branch on it: they write always, and step on by the outcome.
 */
class RadiusWalk {
  /** A chord up to `inner` is surely within the radius, one above `outer` surely not. */
  private readonly inner: number;
  private readonly outer: number;
  /** A dot product from `sure` on is surely within the radius, one below `doubtful` surely not. */
  private readonly sure: number;
  private readonly doubtful: number;
  /** Points within the radius of all points of a node; of one point, by its place in tree order. */
  private readonly ofNode: Int32Array;
  private readonly ofPoint: Int32Array;
  /** Lists of nodes of the tree counted, a child's behind its parent's. */
  private list = new Int32Array(1024);
  /** Leaves of the tree counted over which the border of the leaf at hand runs. */
  private leaves = new Int32Array(1024);
  private leafCount = 0;
  /** Points to look at one by one, by their place in tree order. */
  private places = new Int32Array(1024);
  /** Whether one tree stands on both sides: then each pair is looked at once, and counted for both. */
  private readonly both: boolean;

  constructor(
    private readonly points: CountWithinInput,
    private readonly asked: BallTree,
    private readonly of: BallTree,
    private readonly radiusM: number,
  ) {
    this.inner = chordOf(radiusM) - CHORD_SLACK;
    this.outer = chordOf(radiusM) + CHORD_SLACK;
    const dot = dotOf(radiusM);
    this.sure = dot + DOT_SLACK;
    this.doubtful = dot - DOT_SLACK;
    this.ofNode = new Int32Array(asked.begin.length);
    this.ofPoint = new Int32Array(asked.rows.length);
    this.both = asked === of;
  }

  /** Counts for the points of a block; where one tree stands on both sides, its pairs with itself and all behind it. */
  count({ node, root }: Block): void {
    const { right, roots } = this.of;
    this.reserve(roots.length + DEPTH);
    let end = 0;
    for (let other = this.both ? root + 1 : 0; other < roots.length; other++) this.list[end++] = roots[other];
    if (this.both) {
      let above = roots[root];
      while (above !== node) {
        // In preorder a node below the left child has a smaller number than the right child.
        if (node >= right[above]) above = right[above];
        else this.list[end++] = right[above++];
      }
    }
    this.descend(node, 0, end, this.both);
  }

  /** Adds to the count of each row what was counted. In preorder a parent comes before its children. */
  addTo(counts: Int32Array, first: number): void {
    const { ofNode, ofPoint } = this;
    const { begin, end, right, rows } = this.asked;
    for (let node = 0; node < ofNode.length; node++) {
      if (right[node] !== 0) {
        ofNode[node + 1] += ofNode[node];
        ofNode[right[node]] += ofNode[node];
      } else {
        for (let i = begin[node]; i < end[node]; i++) {
          const count = ofPoint[i] + ofNode[node];
          if (count > 0) Atomics.add(counts, rows[i] - first, count);
        }
      }
    }
  }

  /** Counts the pairs of a node's points with those of the nodes on the list [from, to), and with each other if `self`. */
  private descend(a: number, from: number, to: number, self: boolean): void {
    const { asked, ofNode } = this;
    const right = asked.right[a];
    const apart = self && 2 * asked.balls[a * 4 + 3] > this.inner;
    if (self && !apart) ofNode[a] += asked.end[a] - asked.begin[a];
    if (right === 0) {
      this.leaf(a, from, to);
      if (apart) this.leafWithin(a);
      return;
    }
    const end = this.sift(a, from, to, false);
    if (apart) {
      this.list[end] = right;
      this.descend(a + 1, to, end + 1, true);
    } else if (end > to) this.descend(a + 1, to, end, false);
    if (apart || end > to) this.descend(right, to, end, apart);
  }

  /**
   * Counts what lies within the radius whole, and writes behind the list [from, to) those of its nodes over which the border
   * runs: their children where they are larger than the node asked. For a leaf, nodes that have children go on to these, and
   * the others to `leaves`. Returns where the new list ends.
   */
  private sift(a: number, from: number, to: number, isLeaf: boolean): number {
    this.reserve(to + 2 * (to - from) + 2);
    const { asked, of, list, leaves, ofNode, both } = this;
    const { balls, begin, end, right } = of;
    const x = asked.balls[a * 4];
    const y = asked.balls[a * 4 + 1];
    const z = asked.balls[a * 4 + 2];
    const radius = asked.balls[a * 4 + 3];
    const own = asked.end[a] - asked.begin[a];
    const near = this.inner - radius;
    const far = this.outer + radius;
    const least = isLeaf ? -1 : radius;
    const keep = +!isLeaf;
    let { leafCount } = this;
    let count = 0;
    let next = to;
    for (let t = from; t < to; t++) {
      const b = list[t];
      const dx = balls[b * 4] - x;
      const dy = balls[b * 4 + 1] - y;
      const dz = balls[b * 4 + 2] - z;
      const apart = Math.sqrt(dx * dx + dy * dy + dz * dz);
      const radiusB = balls[b * 4 + 3];
      const whole = +(apart + radiusB <= near);
      const open = +(apart - radiusB <= far) - whole;
      count = (count + ((end[b] - begin[b]) & -whole)) | 0;
      if (both) ofNode[b] += own & -whole;
      const other = right[b];
      const split = +(radiusB > least) & +(other !== 0);
      list[next] = b + split;
      list[next + 1] = other;
      next += (open & (split | keep)) << split;
      leaves[leafCount] = b;
      leafCount += open & ~split & ~keep;
    }
    ofNode[a] += count;
    this.leafCount = leafCount;
    return next;
  }

  /** Goes down to the points on which the border of a leaf's radius may run, and looks at them one by one. */
  private leaf(a: number, from: number, to: number): void {
    this.leafCount = 0;
    let [head, tail] = [from, to];
    while (tail > head) {
      const next = this.sift(a, head, tail, true);
      head = tail;
      tail = next;
    }
    this.pairs(a, this.siftPoints(a), this.both);
  }

  /** As sift, for the points of `leaves`: puts those over which the border runs into `places`, and returns their number. */
  private siftPoints(a: number): number {
    const { asked, of, ofPoint, leaves, leafCount, both } = this;
    if (leafCount * LEAF >= this.places.length) this.places = new Int32Array(2 * leafCount * LEAF);
    const { places } = this;
    const { begin, end, xyz } = of;
    const x = asked.balls[a * 4];
    const y = asked.balls[a * 4 + 1];
    const z = asked.balls[a * 4 + 2];
    const radius = asked.balls[a * 4 + 3];
    const own = asked.end[a] - asked.begin[a];
    const near = this.inner - radius;
    const nearSquared = near < 0 ? -1 : near * near;
    const farSquared = (this.outer + radius) ** 2;
    let within = 0;
    let count = 0;
    for (let t = 0; t < leafCount; t++) {
      const b = leaves[t];
      const last = end[b];
      for (let j = begin[b]; j < last; j++) {
        const dx = xyz[j * 3] - x;
        const dy = xyz[j * 3 + 1] - y;
        const dz = xyz[j * 3 + 2] - z;
        const squared = dx * dx + dy * dy + dz * dz;
        const whole = +(squared <= nearSquared);
        within = (within + whole) | 0;
        if (both) ofPoint[j] += own & -whole;
        places[count] = j;
        count = (count + +(squared <= farSquared) - whole) | 0;
      }
    }
    this.ofNode[a] += within;
    return count;
  }

  /** Counts the pairs of a leaf's points with each other, and of each with itself. */
  private leafWithin(a: number): void {
    const { begin, end } = this.asked;
    for (let i = begin[a]; i < end[a]; i++) this.places[i - begin[a]] = i;
    this.pairs(a, end[a] - begin[a], false);
  }

  /**
   * Counts the pairs of a leaf's points with the first of `places`, for the leaf's alone or for both. Four points of the leaf
   * share each load.
   */
  private pairs(a: number, count: number, both: boolean): void {
    const { asked, of, ofPoint, places, sure, doubtful } = this;
    const { xyz } = asked;
    const theirs = of.xyz;
    const end = asked.end[a];
    for (let i = asked.begin[a]; i < end; i += 4) {
      const at = i * 3;
      // Points beyond the leaf are NaN, which is within nothing.
      const left = end - i;
      const x0 = xyz[at];
      const y0 = xyz[at + 1];
      const z0 = xyz[at + 2];
      const x1 = left > 1 ? xyz[at + 3] : Number.NaN;
      const y1 = left > 1 ? xyz[at + 4] : Number.NaN;
      const z1 = left > 1 ? xyz[at + 5] : Number.NaN;
      const x2 = left > 2 ? xyz[at + 6] : Number.NaN;
      const y2 = left > 2 ? xyz[at + 7] : Number.NaN;
      const z2 = left > 2 ? xyz[at + 8] : Number.NaN;
      const x3 = left > 3 ? xyz[at + 9] : Number.NaN;
      const y3 = left > 3 ? xyz[at + 10] : Number.NaN;
      const z3 = left > 3 ? xyz[at + 11] : Number.NaN;
      let within0 = 0;
      let within1 = 0;
      let within2 = 0;
      let within3 = 0;
      let perhaps = 0;
      for (let p = 0; p < count; p++) {
        const j = places[p];
        const x = theirs[j * 3];
        const y = theirs[j * 3 + 1];
        const z = theirs[j * 3 + 2];
        const dot0 = x0 * x + y0 * y + z0 * z;
        const dot1 = x1 * x + y1 * y + z1 * z;
        const dot2 = x2 * x + y2 * y + z2 * z;
        const dot3 = x3 * x + y3 * y + z3 * z;
        const yes0 = +(dot0 >= sure);
        const yes1 = +(dot1 >= sure);
        const yes2 = +(dot2 >= sure);
        const yes3 = +(dot3 >= sure);
        within0 = (within0 + yes0) | 0;
        within1 = (within1 + yes1) | 0;
        within2 = (within2 + yes2) | 0;
        within3 = (within3 + yes3) | 0;
        if (both) ofPoint[j] += yes0 + yes1 + yes2 + yes3;
        perhaps = (perhaps + +(dot0 >= doubtful) + +(dot1 >= doubtful) + +(dot2 >= doubtful) + +(dot3 >= doubtful)) | 0;
      }
      ofPoint[i] += within0;
      if (left > 1) ofPoint[i + 1] += within1;
      if (left > 2) ofPoint[i + 2] += within2;
      if (left > 3) ofPoint[i + 3] += within3;
      if (perhaps > within0 + within1 + within2 + within3) {
        for (let one = i; one < Math.min(i + 4, end); one++) this.judge(one, count, both);
      }
    }
  }

  /** Counts those of the first of `places` of which the dot product is too near to the radius to tell. */
  private judge(i: number, count: number, both: boolean): void {
    const { asked, of, ofPoint, places } = this;
    const { lon, lat, ofLon, ofLat } = this.points;
    const x = asked.xyz[i * 3];
    const y = asked.xyz[i * 3 + 1];
    const z = asked.xyz[i * 3 + 2];
    const row = asked.rows[i];
    for (let p = 0; p < count; p++) {
      const j = places[p];
      const dot = x * of.xyz[j * 3] + y * of.xyz[j * 3 + 1] + z * of.xyz[j * 3 + 2];
      if (dot >= this.sure || dot < this.doubtful) continue;
      const ofRow = of.rows[j];
      if (greatCircle(lon[row], lat[row], ofLon[ofRow], ofLat[ofRow]) > this.radiusM) continue;
      ofPoint[i]++;
      if (both) ofPoint[j]++;
    }
  }

  /** Makes room on the lists; on `places` there is always some for one leaf. */
  private reserve(length: number): void {
    if (length <= this.list.length) return;
    const [list, leaves] = [new Int32Array(2 * length), new Int32Array(2 * length)];
    list.set(this.list);
    leaves.set(this.leaves);
    this.list = list;
    this.leaves = leaves;
  }
}
