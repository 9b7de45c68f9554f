import type { Info } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { type Logger, pino } from 'pino';
import type { CodeDigests } from '../../activities/deps.js';
import { type Activities, createActivities } from '../../activities/index.js';
import type { Ledger } from '../../activities/partitions/ledger.js';
import { createKernelPool, type KernelPool } from '../../activities/pool/index.js';
import type {
  PartsMade,
  Plan,
  ResolveInput,
  RunHeader,
  RunSummary,
  StepInput,
  StepRecord,
  StepResult,
} from '../../activities/types.js';
import { fetchJson } from '../../lake/artifacts.js';
import { type Lake, openLake } from '../../lake/lake.js';
import type { ObjectStore } from '../../lake/types.js';
import { readCode } from '../../workers/code.js';

export const quiet: Logger = pino({ level: 'silent' });

/** What steps need of a worker, on one home, without an engine. */
export interface Bench {
  home: string;
  lake: Lake;
  pool: KernelPool;
  code: CodeDigests;
  activities: Activities;
  close(): Promise<void>;
}

export interface BenchOptions {
  home: string;
  threads?: number;
  /** Default: a folder store in the home. */
  store?: ObjectStore;
  /** Folders with pipelines; default: the project's own. */
  pipelines?: string[];
}

export async function openBench({
  home,
  store,
  threads = 2,
  pipelines = ['config/pipelines'],
}: BenchOptions): Promise<Bench> {
  const lake = await openLake({ home, ...(store && { store }), scratchBytes: 1 << 30, memoryLimit: '512MB', threads });
  const pool = createKernelPool({ threads });
  const code = readCode();
  const settings = {
    home,
    pipelines,
    engine: { namespace: 'default', maxCachedWorkflows: 100, heartbeatTimeout: 10_000 },
    partitions: { rows: 25_000, window: 4 },
    retry: { maximumAttempts: 1, initialInterval: 1, backoffCoefficient: 1, maximumInterval: 1 },
  };
  return {
    home,
    lake,
    pool,
    code,
    activities: createActivities({ lake, pool, code, log: quiet, settings }),
    async close() {
      await pool.close();
      await lake.close();
    },
  };
}

const silent = new DefaultLogger('ERROR', () => undefined);

/** What the engine gives an activity, without an engine. */
export const environmentOf = (info: Partial<Info> = {}): MockActivityEnvironment =>
  new MockActivityEnvironment({ attempt: 1, ...info }, { logger: silent });

/** Calls an activity as the engine does, in an environment of its own. */
export function perform<I, R>(activity: (input: I) => Promise<R>, input: I, activityId = 'step'): Promise<R> {
  return environmentOf({ activityId }).run(activity, input);
}

export const headerOf = (pipeline: string, changes: Partial<RunHeader> = {}): RunHeader => ({
  pipeline,
  run: '0191d7a0-0000-7000-8000-000000000001',
  logicalTime: '2026-02-20T14:30:22.000Z',
  startedAt: '2026-02-20T14:30:22.000Z',
  trigger: 'operator',
  force: false,
  ...changes,
});

export interface Ran {
  plan: Plan;
  records: StepRecord[];
  summary: RunSummary;
  /** Names of the partitions that were made anew, by their step. */
  made: Map<string, string[]>;
}

/** What a step is given: the outputs of those that it needs. */
export function inputOf(plan: Plan, header: RunHeader, id: string, records: readonly StepRecord[]): StepInput {
  const step = plan.steps.find((one) => one.id === id);
  if (step === undefined) throw new Error(`the plan has no step ${id}`);
  const needed = step.needs.map((name) => records.find((one) => one.id === name));
  return {
    header,
    definition: plan.definition,
    ...(plan.inputs !== undefined && { inputs: plan.inputs }),
    step: { id, stage: step.stage },
    tables: Object.assign({}, ...needed.map((record) => record?.tables)),
    artifacts: Object.assign({}, ...needed.map((record) => record?.artifacts)),
  };
}

/** Carries out a run by the activities alone, each step as soon as those it needs are done, as the workflow does. */
export async function runPlan(
  { activities, lake }: Pick<Bench, 'activities' | 'lake'>,
  request: Pick<ResolveInput, 'pipeline'> & Partial<ResolveInput>,
): Promise<Ran> {
  const { only, overrides, inputs, ...changes } = request;
  const header = headerOf(request.pipeline, changes);
  const plan = await perform(activities.resolve, {
    ...header,
    ...(only && { only }),
    ...(overrides && { overrides }),
    ...(inputs !== undefined && { inputs }),
  });
  const made: Ran['made'] = new Map();
  const records =
    plan.ended === undefined ? await runSteps({ activities, lake }, plan, { ...header, epoch: plan.epoch }, made) : [];
  const outcome = plan.ended ?? 'unchanged';
  const summary = await perform(activities.conclude, { header, plan, steps: records, outcome });
  return { plan, records, summary, made };
}

/** The steps of a plan; their records in the order in which they ended. */
export async function runSteps(
  { activities, lake }: Pick<Bench, 'activities' | 'lake'>,
  plan: Plan,
  header: RunHeader,
  made: Ran['made'] = new Map(),
): Promise<StepRecord[]> {
  const records: StepRecord[] = [];
  const results = new Map<string, Promise<void>>();
  for (const { id, stage, needs, why, partitioned, result: reused } of plan.steps) {
    const work = async (): Promise<void> => {
      if (reused !== undefined) {
        records.push({ id, stage, why, ...reused });
        return;
      }
      await Promise.all(needs.map((name) => results.get(name)));
      const input = inputOf(plan, header, id, records);
      const result =
        stage === 'publish'
          ? await perform(activities.publish, { ...input, steps: [...records] }, id)
          : partitioned === true
            ? await inPartitions({ activities, lake }, input, made)
            : await perform(activities[stage], input, id);
      records.push({ id, stage, why, ...result });
    };
    results.set(id, work());
  }
  await Promise.all(results.values());
  return records;
}

/** A step in its partitions, one chunk after the other. */
async function inPartitions(
  { activities, lake }: Pick<Bench, 'activities' | 'lake'>,
  input: StepInput,
  all: Ran['made'],
): Promise<StepResult> {
  const { id } = input.step;
  const { kept, ledger, chunks, partitions } = await perform(activities.split, input, `${id}/split`);
  all.set(id, (await fetchJson<Ledger>(lake.store, ledger)).chunks.flat());
  if (kept !== undefined) return kept;
  const made: PartsMade[] = [];
  for (const chunk of chunks.keys())
    made.push(await perform(activities.part, { ...input, ledger, chunk }, `${id}/part-${chunk}`));
  const whole = await perform(activities.gather, { ...input, ledger, made }, id);
  return { ...whole, partitions };
}
