import type { Collection } from '../../lake/collect.js';
import type { CollectSummary } from '../types.js';

/** A collection in numbers; `undefined` stands for a pipeline that has published nothing, of which all stays. */
export function summaryOf(pipeline: string, collection: Collection | undefined): CollectSummary {
  const { floor = 1, generation = 0, snapshots = 0, results = 0, condemned = [] } = collection ?? {};
  const gone: CollectSummary['gone'] = {};
  for (const { kind, bytes } of condemned) {
    const so = gone[kind] ?? { count: 0, bytes: 0 };
    gone[kind] = { count: so.count + 1, bytes: so.bytes + bytes };
  }
  return { pipeline, floor, generation, snapshots, results, gone };
}
