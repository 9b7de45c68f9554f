import { createHash } from 'node:crypto';
import type { KernelPool } from '../../pool/index.js';
import type { BallTree } from '../geo/ball-tree.js';

/** Points of all trees that are kept; one takes about 100 bytes of each. */
const MOST_POINTS = 2_000_000;

interface Points {
  lon: Float64Array;
  lat: Float64Array;
  group?: Int32Array;
}

/**
 * Ball trees by the coordinates that they are of. The same points are asked again and again: by several kernels of a
 * step, by each cut-off of a table, and by every thread.
 */
export class Trees {
  /** In order of last use. */
  private readonly trees = new Map<string, { points: number; tree: Promise<BallTree> }>();

  constructor(private readonly pool: KernelPool) {}

  /** The tree of points over shared memory. It is built to its end even where the asking step is cancelled meanwhile. */
  async of(points: Points, signal: AbortSignal): Promise<BallTree> {
    signal.throwIfAborted();
    const key = digest(points);
    const tree = this.trees.get(key)?.tree ?? this.build(key, points);
    this.trees.delete(key);
    this.trees.set(key, { points: points.lon.length, tree });
    this.evict();
    const built = await tree;
    signal.throwIfAborted();
    return built;
  }

  /** A tree that could not be built is forgotten, whoever asked for it: the next one tries again. */
  private build(key: string, points: Points): Promise<BallTree> {
    const tree = this.pool.run('buildBallTree', points);
    tree.catch(() => {
      if (this.trees.get(key)?.tree === tree) this.trees.delete(key);
    });
    return tree;
  }

  private evict(): void {
    let points = 0;
    for (const entry of this.trees.values()) points += entry.points;
    for (const [key, entry] of this.trees) {
      if (points <= MOST_POINTS || this.trees.size === 1) return;
      this.trees.delete(key);
      points -= entry.points;
    }
  }
}

function digest({ lon, lat, group }: Points): string {
  const hash = createHash('sha256').update(`${lon.length} `);
  for (const values of group === undefined ? [lon, lat] : [lon, lat, group])
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return hash.digest('base64');
}

const byPool = new WeakMap<KernelPool, Trees>();

/** The trees that the threads of a pool share. */
export function treesOf(pool: KernelPool): Trees {
  let trees = byPool.get(pool);
  if (trees === undefined) {
    trees = new Trees(pool);
    byPool.set(pool, trees);
  }
  return trees;
}
