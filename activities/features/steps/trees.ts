import { createHash } from 'node:crypto';
import type { KernelPool } from '../../pool/index.js';
import { Shared } from '../../shared.js';
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
  private readonly trees = new Shared<BallTree>(MOST_POINTS, ({ rows }) => rows.length);

  constructor(private readonly pool: KernelPool) {}

  /** The tree of points over shared memory. It is built to its end even where the asking step is cancelled meanwhile. */
  async of(points: Points, signal: AbortSignal): Promise<BallTree> {
    signal.throwIfAborted();
    const built = await this.trees.get(digest(points), () => this.pool.run('buildBallTree', points));
    signal.throwIfAborted();
    return built;
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
