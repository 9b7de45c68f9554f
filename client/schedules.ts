import {
  type Client,
  ScheduleAlreadyRunning,
  type ScheduleDescription,
  type ScheduleHandle,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  type ScheduleUpdateOptions,
} from '@temporalio/client';
import { ATTRIBUTES } from '../config/attributes.js';
import { longestGap, parseCron } from '../config/definition/cron.js';
import type { Schedule } from '../config/definition/timing.js';
import { GeorefreshError } from '../config/errors.js';
import { TASK_QUEUES } from '../config/queues.js';
import { patiently } from './refreshes.js';

/** A pipeline's schedule as its definition has it, and as the engine has it. Times are ISO 8601, durations milliseconds. */
export interface ScheduleState {
  pipeline: string;
  /** `differs`: `apply` would change it. `not defined`: the engine has one, the definition has none. */
  state: 'applied' | 'differs' | 'not applied' | 'not defined';
  cron: string;
  timezone: string;
  jitter: number;
  paused: boolean;
  /** Why it is paused, or what else was noted. */
  note: string | null;
  /** The next starts, without jitter's share; none while it is paused or not applied. */
  next: string[];
  /** The refresh that it started last: when, and its run id. */
  last: { started: string; run: string } | null;
  /** A start that was missed is made good within this time. */
  catchup: number;
}

export interface AppliedSchedule extends ScheduleState {
  change: 'created' | 'updated' | 'none';
}

const PREFIX = 'refresh:';
const idOf = (pipeline: string): string => `${PREFIX}${pipeline}`;
const SHOWN = 5;
/** What the engine takes at most is a year or so. */
const LONGEST_CATCHUP = 366 * 86_400_000;

/** A start that was missed is made good until the next one is due. */
function catchupOf({ cron }: Schedule): number {
  const parsed = parseCron(cron);
  return typeof parsed === 'string' ? 0 : Math.min(longestGap(parsed), LONGEST_CATCHUP);
}

type Options = Pick<ScheduleUpdateOptions, 'spec' | 'action'> & Required<Pick<ScheduleUpdateOptions, 'policies'>>;

const optionsOf = (pipeline: string, { cron, timezone, jitter = 0, ...rest }: Schedule): Options => ({
  // The engine keeps calendars, and of the expression what stands behind #.
  spec: { cronExpressions: [`${cron} # ${cron}`], timezone, jitter },
  action: {
    type: 'startWorkflow',
    workflowType: 'refresh',
    workflowId: idOf(pipeline),
    taskQueue: TASK_QUEUES.workflows,
    args: [{ pipeline }],
    typedSearchAttributes: [{ key: ATTRIBUTES.pipeline, value: pipeline }],
    staticSummary: `refresh of ${pipeline}, by schedule`,
  },
  policies: {
    overlap: ScheduleOverlapPolicy.BUFFER_ONE,
    catchupWindow: catchupOf({ cron, timezone, ...rest }),
    pauseOnFailure: false,
  },
});

/** What the engine knows of a pipeline's schedule; undefined where it has none. */
async function describe(client: Client, pipeline: string): Promise<ScheduleDescription | undefined> {
  try {
    return await patiently(() => client.schedule.getHandle(idOf(pipeline)).describe());
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}

const startsOf = ({ state, info }: ScheduleDescription): string[] =>
  state.paused ? [] : info.nextActionTimes.map((time) => time.toISOString());

/** When the engine starts the next refresh of a pipeline by itself; null where it does not. */
export async function nextStart(client: Client, pipeline: string): Promise<string | null> {
  const found = await describe(client, pipeline);
  return (found && startsOf(found)[0]) ?? null;
}

/** The schedule of a pipeline; undefined where neither definition nor engine has one. */
export async function scheduleOf(
  client: Client,
  pipeline: string,
  defined: Schedule | undefined,
): Promise<ScheduleState | undefined> {
  const found = await describe(client, pipeline);
  if (found === undefined) {
    if (defined === undefined) return undefined;
    const { cron, timezone, jitter = 0, paused = false } = defined;
    const wanted = { cron, timezone, jitter, paused, catchup: catchupOf(defined) };
    return { pipeline, state: 'not applied', ...wanted, note: null, next: [], last: null };
  }
  const { spec, state, info, policies } = found;
  const last = info.recentActions.at(-1);
  const applied = {
    cron: spec.calendars?.[0]?.comment ?? '',
    timezone: spec.timezone || 'UTC',
    jitter: spec.jitter ?? 0,
    paused: state.paused,
    catchup: policies.catchupWindow,
  };
  return {
    pipeline,
    state: defined === undefined ? 'not defined' : agrees(applied, defined) ? 'applied' : 'differs',
    ...applied,
    note: state.note || null,
    next: startsOf(found).slice(0, SHOWN),
    last:
      last === undefined
        ? null
        : { started: last.takenAt.toISOString(), run: last.action.workflow.firstExecutionRunId },
  };
}

const agrees = (
  applied: Pick<ScheduleState, 'cron' | 'timezone' | 'jitter' | 'paused' | 'catchup'>,
  defined: Schedule,
): boolean =>
  applied.cron === defined.cron &&
  applied.timezone === defined.timezone &&
  applied.jitter === (defined.jitter ?? 0) &&
  applied.catchup === catchupOf(defined) &&
  applied.paused === (defined.paused ?? applied.paused);

/** Pipelines that the engine has a schedule for, defined or not. The engine's list may be some seconds old. */
export async function scheduledPipelines(client: Client): Promise<string[]> {
  return patiently(async () => {
    const names: string[] = [];
    for await (const { scheduleId } of client.schedule.list())
      if (scheduleId.startsWith(PREFIX)) names.push(scheduleId.slice(PREFIX.length));
    return names;
  });
}

/**
 * Makes the engine's schedule that of the definition: created, or changed and paused in one update. `paused` is for this
 * call; without it the definition's word counts, and without that it stays as it is. GR-1003 where the engine refuses it.
 */
export async function applySchedule(
  client: Client,
  pipeline: string,
  defined: Schedule,
  paused = defined.paused,
): Promise<AppliedSchedule> {
  const before = await scheduleOf(client, pipeline, defined);
  const change = await put(client, pipeline, defined, paused, before).catch((error: unknown) => {
    // So the SDK tells of what the server does not accept.
    if (error instanceof TypeError) throw new GeorefreshError('GR-1003', `schedule of ${pipeline}: ${error.message}`);
    throw error;
  });
  const after = await scheduleOf(client, pipeline, defined);
  if (after === undefined) throw new GeorefreshError('GR-4008', `that of ${pipeline} was removed meanwhile`);
  return { ...after, change };
}

async function put(
  client: Client,
  pipeline: string,
  defined: Schedule,
  paused: boolean | undefined,
  before: ScheduleState | undefined,
): Promise<AppliedSchedule['change']> {
  const options = optionsOf(pipeline, defined);
  if (before === undefined || before.state === 'not applied') {
    const state = { paused: paused ?? false };
    const created = await patiently(() =>
      client.schedule.create({ scheduleId: idOf(pipeline), ...options, state }).then(
        () => true,
        (error: unknown) => {
          // Somebody else was quicker, or the answer to the try before was lost.
          if (error instanceof ScheduleAlreadyRunning) return false;
          throw error;
        },
      ),
    );
    if (created) return 'created';
  } else if (before.state === 'applied' && before.paused === (paused ?? before.paused)) return 'none';
  await onSchedule(client, pipeline, (handle) =>
    handle.update(({ state }) => ({ ...options, state: { ...state, paused: paused ?? state.paused } })),
  );
  return 'updated';
}

/** Does something with a pipeline's schedule on the engine; GR-4008 where there is none. */
export async function onSchedule<T>(
  client: Client,
  pipeline: string,
  work: (handle: ScheduleHandle) => Promise<T>,
): Promise<T> {
  try {
    return await patiently(() => work(client.schedule.getHandle(idOf(pipeline))));
  } catch (error) {
    if (error instanceof ScheduleNotFoundError)
      throw new GeorefreshError('GR-4008', `the engine has none for ${pipeline}`, { cause: error });
    throw error;
  }
}
