import type { RunSummary, Stage } from '../../activities/types.js';
import type { StageProgress } from '../../workflows/messages.js';
import type { RunProgress } from '../refreshes.js';

/** What is known of a stage at one moment, with what only a watcher sees: times and rates. Times are milliseconds. */
export interface StageView extends StageProgress {
  state: 'ahead' | 'running' | 'done';
  startedAt?: number;
  endedAt?: number;
  /** Finished steps and the finished parts of running ones, over all steps: 0 to 1. */
  share: number;
  /** Items a second of the running steps that count. */
  rate?: { perSecond: number; unit: string };
}

export interface RunView {
  pipeline: string;
  run: string;
  logicalTime: string;
  /** Whether it waits for another run of its pipeline, and since when it has seemed so. */
  waiting: boolean;
  waitingSince?: number;
  stages: StageView[];
  /** Running steps when they were first seen to count, by id and attempt. */
  counting: ReadonlyMap<string, { at: number; done: number }>;
  /** Attempts already told of, by step. */
  attempts: ReadonlyMap<string, number>;
}

/** What happened between two looks at a run, as a program or a log is told of it. */
export type ProgressEvent =
  | { event: 'waiting' }
  | { event: 'planned'; logicalTime: string; stages: { stage: Stage; steps: number }[] }
  | { event: 'stage_started'; stage: Stage; steps: number }
  | {
      event: 'stage_completed';
      stage: Stage;
      steps: number;
      rowsIn: number;
      rowsOut: number;
      quarantined: number;
      seconds: number;
    }
  | {
      event: 'stage_progress';
      stage: Stage;
      steps: number;
      done: number;
      rowsOut: number;
      quarantined: number;
      share: number;
    }
  | { event: 'step_retried'; step: string; attempt: number; reason: string };

/** Starting the child of a refresh takes less than this. */
const WAITING_MS = 2_000;

/** A run of which nothing was seen yet. */
export const newView = (pipeline: string, run: string): RunView => ({
  pipeline,
  run,
  logicalTime: '',
  waiting: false,
  stages: [],
  counting: new Map(),
  attempts: new Map(),
});

/** Takes in what was just seen at `now` (milliseconds, any origin); a pure function. */
export function observe(before: RunView, seen: RunProgress, now: number): { view: RunView; events: ProgressEvent[] } {
  const events: ProgressEvent[] = [];
  // Every run seems to wait at first, until its child has started.
  const waitingSince = seen.waiting ? (before.waitingSince ?? now) : undefined;
  const waiting = waitingSince !== undefined && now - waitingSince >= WAITING_MS;
  if (waiting && !before.waiting) events.push({ event: 'waiting' });

  const counting = new Map<string, { at: number; done: number }>();
  for (const { id, attempt, progress } of seen.running) {
    if (progress === undefined) continue;
    const key = `${id}#${attempt}`;
    counting.set(key, before.counting.get(key) ?? { at: now, done: progress.done });
  }
  const attempts = new Map(before.attempts);
  for (const { id, attempt, lastFailure } of seen.running) {
    if (attempt <= Math.max(1, attempts.get(id) ?? 1)) continue;
    attempts.set(id, attempt);
    events.push({ event: 'step_retried', step: id, attempt, reason: lastFailure ?? 'the worker fell silent' });
  }

  const stages = seen.stages.map((stage): StageView => {
    const earlier = before.stages.find((one) => one.stage === stage.stage);
    const state = stage.done >= stage.steps ? 'done' : stage.running.length > 0 || stage.done > 0 ? 'running' : 'ahead';
    const startedAt = state === 'ahead' ? undefined : (earlier?.startedAt ?? now);
    const endedAt = state === 'done' ? (earlier?.endedAt ?? now) : undefined;
    const rate = rateOf(stage.running, seen.running, counting, now);
    return {
      ...stage,
      state,
      share: shareOf(stage, seen.running),
      ...(startedAt !== undefined && { startedAt }),
      ...(endedAt !== undefined && { endedAt }),
      ...(rate !== undefined && { rate }),
    };
  });
  if (before.stages.length === 0 && stages.length > 0)
    events.push({
      event: 'planned',
      logicalTime: seen.logicalTime,
      stages: stages.map(({ stage, steps }) => ({ stage, steps })),
    });
  for (const stage of stages) {
    const earlier = before.stages.find((one) => one.stage === stage.stage)?.state ?? 'ahead';
    if (earlier === 'ahead' && stage.state !== 'ahead')
      events.push({ event: 'stage_started', stage: stage.stage, steps: stage.steps });
    if (earlier !== 'done' && stage.state === 'done') events.push(completed(stage));
  }
  const { pipeline, run, logicalTime } = seen;
  const view = { pipeline, run, logicalTime, waiting, stages, counting, attempts };
  return { view: waitingSince === undefined ? view : { ...view, waitingSince }, events };
}

/** Takes in the end of a run: what its last look missed is told now. */
export const observeEnd = (
  before: RunView,
  { stages }: Pick<RunSummary, 'stages'>,
  now: number,
): { view: RunView; events: ProgressEvent[] } =>
  observe(
    before,
    {
      ...{ pipeline: before.pipeline, run: before.run, logicalTime: before.logicalTime, waiting: false, running: [] },
      stages: Object.entries(stages).map(([stage, { steps, reused, rowsIn, rowsOut }]) => ({
        ...{ stage: stage as Stage, steps, done: steps, reused, running: [], rowsIn, rowsOut },
        quarantined: before.stages.find((one) => one.stage === stage)?.quarantined ?? 0,
      })),
    },
    now,
  );

/** Where the stages under way stand, for those who hear of nothing else for a while. */
export const standing = ({ stages }: RunView): ProgressEvent[] =>
  stages
    .filter(({ state }) => state === 'running')
    .map(({ stage, steps, done, rowsOut, quarantined, share }) => ({
      event: 'stage_progress',
      ...{ stage, steps, done, rowsOut, quarantined, share: Math.round(share * 1000) / 1000 },
    }));

function completed({
  stage,
  steps,
  rowsIn,
  rowsOut,
  quarantined,
  startedAt = 0,
  endedAt = 0,
}: StageView): ProgressEvent {
  const seconds = Math.round((endedAt - startedAt) / 100) / 10;
  return { event: 'stage_completed', stage, steps, rowsIn, rowsOut, quarantined, seconds };
}

function shareOf({ steps, done, running }: RunProgress['stages'][number], under: RunProgress['running']): number {
  if (steps === 0) return 1;
  let parts = done;
  for (const { id, progress } of under)
    if (running.includes(id) && progress !== undefined && progress.total > 0)
      parts += Math.min(1, progress.done / progress.total);
  return Math.min(1, parts / steps);
}

/** Over the whole time that each step was seen: a figure that jumps about tells less. Steps that count other things are left out. */
function rateOf(
  ids: readonly string[],
  running: RunProgress['running'],
  counting: RunView['counting'],
  now: number,
): StageView['rate'] | undefined {
  let unit: string | undefined;
  let perSecond = 0;
  for (const { id, attempt, progress } of running) {
    const first = counting.get(`${id}#${attempt}`);
    if (!ids.includes(id) || progress === undefined || first === undefined || now - first.at < 500) continue;
    unit ??= progress.unit;
    if (progress.unit === unit) perSecond += Math.max(0, progress.done - first.done) / ((now - first.at) / 1000);
  }
  return unit === undefined || perSecond === 0 ? undefined : { perSecond, unit };
}
