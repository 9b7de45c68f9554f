import type { Client } from '@temporalio/client';
import type { Schedule } from '../config/definition/timing.js';
import { GeorefreshError } from '../config/errors.js';
import { listPipelines, loadPipeline, type PipelinePlaces } from '../config/load.js';
import type { AppliedSchedule, ScheduleState } from './schedules.js';

/** The schedules of an installation; all of it needs an engine that is up, else GR-5001. */
export interface Scheduling {
  /**
   * Tells the engine the schedules of the definitions, or of one of them: created, or changed in one update. `paused`
   * pauses or resumes in the same update. GR-4008 where the pipeline that is named has none.
   */
  apply(pipeline?: string, options?: { paused?: boolean }): Promise<AppliedSchedule[]>;
  /** The schedules of definitions and engine, in order of their names. */
  list(pipeline?: string): Promise<ScheduleState[]>;
  /** No refresh starts by itself until `resume`. GR-4008 where the engine has none, as of all that follow. */
  pause(pipeline: string, note?: string): Promise<void>;
  resume(pipeline: string, note?: string): Promise<void>;
  /** Starts a refresh now as the schedule would, also while it is paused; where one is under way, after it. */
  trigger(pipeline: string): Promise<void>;
  /** Takes the schedule from the engine, also one whose pipeline is no longer defined. */
  remove(pipeline: string): Promise<void>;
}

/** Schedules of the pipelines that `places` define, on the engine that `needed` gives. */
export function schedulingOf(places: PipelinePlaces, needed: () => Promise<Client>): Scheduling {
  // Loaded where they are wanted: the SDK takes half a second.
  const on = () => import('./schedules.js');
  const definedOf = async (pipeline: string): Promise<Schedule | undefined> =>
    (await loadPipeline(pipeline, places)).pipeline.schedule;
  const known = async (): Promise<string[]> => (await listPipelines(places)).map(({ name }) => name);
  return {
    async apply(pipeline, { paused } = {}) {
      const names = pipeline === undefined ? await known() : [pipeline];
      // All definitions are read before the engine is asked to change anything.
      const defined = await Promise.all(names.map(async (name) => ({ name, schedule: await definedOf(name) })));
      if (pipeline !== undefined && defined[0]?.schedule === undefined)
        throw new GeorefreshError('GR-4008', `the definition of ${pipeline} has none`);
      const [client, { applySchedule }] = await Promise.all([needed(), on()]);
      const applied: AppliedSchedule[] = [];
      for (const { name, schedule } of defined)
        if (schedule !== undefined) applied.push(await applySchedule(client, name, schedule, paused));
      return applied;
    },
    async list(pipeline) {
      const names = await known();
      const [client, { scheduledPipelines, scheduleOf }] = await Promise.all([needed(), on()]);
      const wanted =
        pipeline === undefined ? [...new Set([...names, ...(await scheduledPipelines(client))])] : [pipeline];
      const states = await Promise.all(
        wanted
          .sort()
          .map(async (name) => scheduleOf(client, name, names.includes(name) ? await definedOf(name) : undefined)),
      );
      return states.filter((state) => state !== undefined);
    },
    async pause(pipeline, note) {
      await (await on()).onSchedule(await needed(), pipeline, (handle) => handle.pause(note));
    },
    async resume(pipeline, note) {
      await (await on()).onSchedule(await needed(), pipeline, (handle) => handle.unpause(note));
    },
    async trigger(pipeline) {
      await (await on()).onSchedule(await needed(), pipeline, (handle) => handle.trigger('BUFFER_ONE'));
    },
    async remove(pipeline) {
      await (await on()).onSchedule(await needed(), pipeline, (handle) => handle.delete());
    },
  };
}
