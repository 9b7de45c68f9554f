import { ApplicationFailure, activityInfo, CancelledFailure, Context, heartbeat } from '@temporalio/activity';
import type { Activities } from '../../activities/index.js';
import type { ConcludeInput, Plan, PlanStep, Stage, StepInput, StepResult } from '../../activities/types.js';

/** A step of a fake plan, and what its attempts do: their last entry counts for all further ones. */
export interface FakeStep {
  id: string;
  needs?: string[];
  attempts?: ('done' | 'slow' | 'hang' | { fails: string; permanent: boolean })[];
}

export interface FakeRun {
  activities: Activities;
  /** `begin id`, `end id`, `cancelled id`, and `conclude outcome`, in the order in which they happened. */
  log: string[];
  concluded: ConcludeInput[];
}

const digest = 'a'.repeat(64);
const ref = (name: string) => ({ uri: `lake/${name}.parquet`, sha256: digest, bytes: 1, rows: 3, columns: ['id'] });

const stepsOf = (steps: FakeStep[]): PlanStep[] =>
  steps.map(({ id, needs = [] }) => {
    const stage = id.split('/')[0] as Stage;
    return { id, stage, queue: stage === 'features' ? 'compute' : 'io', needs, summary: id };
  });

/** Activities that do nothing but what the plan says of them. */
export function fakeRun(steps: FakeStep[], plan: Partial<Plan> = {}): FakeRun {
  const log: string[] = [];
  const concluded: ConcludeInput[] = [];

  const perform = async ({ step: { id } }: StepInput): Promise<StepResult> => {
    const { attempt } = activityInfo();
    const attempts = steps.find((one) => one.id === id)?.attempts ?? ['done'];
    const what = attempts[Math.min(attempt, attempts.length) - 1] ?? 'done';
    log.push(`begin ${id}`);
    if (typeof what === 'object')
      throw ApplicationFailure.create({ type: what.fails, message: `${id} failed`, nonRetryable: what.permanent });
    await (what === 'done' ? Promise.resolve() : waited(what === 'slow' ? 300 : 60_000, id));
    log.push(`end ${id}`);
    return {
      tables: { [id]: ref(id) },
      artifacts: {},
      rowsIn: 3,
      rowsOut: 3,
      facts: {},
      inputs: [],
      began: 0,
      ended: 0,
      seconds: 0,
      attempt,
      reused: false,
    };
  };

  const waited = async (ms: number, id: string): Promise<void> => {
    const beat = setInterval(() => heartbeat(), 100);
    try {
      await Context.current().sleep(ms);
    } catch (error) {
      if (error instanceof CancelledFailure) log.push(`cancelled ${id}`);
      throw error;
    } finally {
      clearInterval(beat);
    }
  };

  const activities: Activities = {
    resolve: async () => ({
      definition: { uri: 'lake/definition.json', sha256: digest, bytes: 1 },
      sample: true,
      steps: stepsOf(steps).map((step) => ({ ...step, decision: 'run' as const, why: [] })),
      epoch: 0,
      window: 4,
      heartbeatTimeout: 2000,
      retry: { maximumAttempts: 3, initialInterval: 20, backoffCoefficient: 1, maximumInterval: 20 },
      ...plan,
    }),
    ingest: perform,
    validate: perform,
    features: perform,
    train: perform,
    score: perform,
    publish: perform,
    split: () => Promise.reject(new Error('no step of these plans has partitions')),
    part: () => Promise.reject(new Error('no step of these plans has partitions')),
    gather: perform,
    collect: () => Promise.reject(new Error('nothing is collected beside these runs')),
    pendingTimes: () => Promise.reject(new Error('nothing is backfilled beside these runs')),
    deliver: () => Promise.reject(new Error('nothing of these runs goes elsewhere')),
    conclude: async (input) => {
      concluded.push(input);
      log.push(`conclude ${input.outcome}`);
      return {
        pipeline: input.header.pipeline,
        run: input.header.run,
        outcome: input.outcome,
        seconds: 0,
        stages: {},
        metrics: null,
        model: null,
        outputs: [],
        trigger: input.header.trigger,
        sample: true,
        quarantined: 0,
        generation: null,
      };
    },
  };
  return { activities, log, concluded };
}
