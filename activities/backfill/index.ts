import { readHistory } from '../../lake/history.js';
import { stampOf } from '../../lake/keys.js';
import { isDamage } from '../../lake/known.js';
import { listRuns, readRunAt } from '../../lake/runs.js';
import type { CallOptions, ObjectStore } from '../../lake/types.js';
import type { Deps } from '../deps.js';
import { activity, type StepContext } from '../durable.js';
import type { BackfillPage, BackfillRange } from '../types.js';
import { timesOf } from './times.js';

/** Times that the workflow is given at once. */
const PAGE = 50;

/** Outcomes of runs whose logical time needs no other one. */
const DONE = new Set(['published', 'unchanged', 'archived']);

export const createBackfillActivities = (deps: Pick<Deps, 'lake' | 'log'>) => ({
  /** The next logical times of a range that no run has finished yet, as their manifests tell; earliest first. */
  pendingTimes: activity(deps.log, async (range: BackfillRange, context: StepContext): Promise<BackfillPage> => {
    const { pipeline, after, force = false } = range;
    const all = timesOf(range);
    const open = all.filter((time) => after === undefined || time > Date.parse(after));
    const done = force ? () => Promise.resolve(false) : await finishedTimes(deps.lake.store, pipeline, context);
    const page: BackfillPage = { all: all.length, times: [], skipped: 0, after: null };
    for (const time of open) {
      context.signal.throwIfAborted();
      const iso = new Date(time).toISOString();
      if (await done(iso)) page.skipped++;
      else page.times.push(iso);
      if (page.times.length === PAGE) return { ...page, after: iso };
    }
    return page;
  }),
});

/** Tells of a logical time whether a run for it has finished well. */
async function finishedTimes(
  store: ObjectStore,
  pipeline: string,
  options: CallOptions,
): Promise<(time: string) => Promise<boolean>> {
  const kept = new Set((await readHistory(store, pipeline, options)).map(({ logicalTime }) => logicalTime));
  const runs = new Map<string, string[]>();
  for (const { stamp, key } of await listRuns(store, pipeline, options))
    runs.set(stamp, [...(runs.get(stamp) ?? []), key]);
  return async (time) => {
    if (kept.has(time)) return true;
    for (const key of runs.get(stampOf(time)) ?? []) {
      try {
        const { outcome, logicalTime } = await readRunAt(store, key, options);
        if (DONE.has(outcome) && Date.parse(logicalTime) === Date.parse(time)) return true;
      } catch (error) {
        // A manifest that cannot be read says nothing: the time is done again.
        if (!isDamage(error)) throw error;
      }
    }
    return false;
  };
}
