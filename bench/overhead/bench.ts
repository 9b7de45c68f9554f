import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plan, RunSummary } from '../../activities/types.js';
import { listRuns, readRun } from '../../lake/runs.js';
import { runWorkflowId } from '../../workflows/messages.js';
import type { BenchOptions } from '../main.js';
import { type BenchCluster, startBenchCluster } from '../support/cluster.js';
import { cpuMilliseconds, machine } from '../support/machine.js';
import { writeResults } from '../support/results.js';
import { median, ratio, spread } from '../support/statistics.js';
import { PIPELINE, writePipeline } from './pipeline.js';
import { type BareStep, type bare, bareQueue } from './workflows.js';

const SOURCES = 10;
const LEAST_ROUNDS = 7;
const WARM_UP = 3;
const GOAL = 2;

/** A refresh whose steps do next to nothing, against a bare workflow of as many empty activities in the same order. */
export async function run({ rounds: asked, json }: BenchOptions): Promise<void> {
  const rounds = Math.max(asked, LEAST_ROUNDS);
  const home = await mkdtemp(join(tmpdir(), 'georefresh-bench-'));
  const { pipelines, inputs } = await writePipeline(home, SOURCES);
  const cluster = await startBenchCluster(home, { GEOREFRESH_PIPELINES: pipelines });
  let peer: ChildProcess | undefined;
  try {
    peer = await startPeer(cluster);
    const refresh = (): Promise<RunSummary> => cluster.refresh({ pipeline: PIPELINE, inputs, force: true });
    process.stderr.write('warming up …\n');
    await refresh();
    const plan = await planOf(cluster);
    const steps = plan.steps.map(({ id, queue, needs }): BareStep => ({ id, queue, needs }));
    const empty = (): Promise<void> =>
      cluster.client.workflow.execute<typeof bare>('bare', {
        taskQueue: bareQueue('workflows'),
        workflowId: randomUUID(),
        args: [steps],
      });
    for (let i = 0; i < WARM_UP; i++) {
      await refresh();
      await empty();
    }
    const ours: Side = { times: [], cpu: [] };
    const theirs: Side = { times: [], cpu: [] };
    for (let round = 0; round < rounds; round++) {
      await measure(ours, cluster.workerPid, refresh);
      await measure(theirs, peer.pid, empty);
    }
    const inside = await insideSteps(cluster, rounds);
    report({ ours, theirs, activities: steps.length + 2, inside, json });
  } finally {
    if (peer !== undefined && peer.exitCode === null) {
      const ended = once(peer, 'exit');
      peer.kill('SIGTERM');
      await ended;
    }
    await cluster.stop();
    await rm(home, { recursive: true, force: true });
  }
}

async function startPeer({ address, namespace }: BenchCluster): Promise<ChildProcess> {
  const [worker, loader] = ['./worker.ts', '../../scripts/ts-loader.mjs'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  ) as [string, string];
  const peer = fork(worker, [address, namespace], {
    execArgv: ['--import', loader],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const died = once(peer, 'exit').then(() => Promise.reject(new Error('the peer worker died')));
  died.catch(() => undefined);
  await Promise.race([once(peer, 'message'), died]);
  return peer;
}

/** The plan of the last run, as the engine recorded it. */
async function planOf({ client }: BenchCluster): Promise<Plan> {
  const { events } = await client.workflow.getHandle(runWorkflowId(PIPELINE)).fetchHistory();
  const resolve = events?.find(({ activityTaskScheduledEventAttributes: it }) => it?.activityId === 'resolve');
  const done = events?.find(({ activityTaskCompletedEventAttributes: it }) =>
    resolve?.eventId?.equals(it?.scheduledEventId ?? -1),
  );
  const payload = done?.activityTaskCompletedEventAttributes?.result?.payloads?.[0]?.data;
  if (!payload) throw new Error('the run has no plan in its history');
  return JSON.parse(Buffer.from(payload).toString('utf8')) as Plan;
}

/** Milliseconds that the attempts of a step took inside the worker, by stage: medians over the last runs. */
async function insideSteps({ store }: BenchCluster, runs: number): Promise<Record<string, number>> {
  const taken: Record<string, number[]> = {};
  for (const { run: id } of await listRuns(store, PIPELINE, { limit: runs }))
    for (const { id: step, stage, seconds } of (await readRun(store, PIPELINE, id)).steps) {
      const name = stage === 'publish' ? step : stage;
      taken[name] = [...(taken[name] ?? []), seconds * 1000];
    }
  return Object.fromEntries(Object.entries(taken).map(([name, all]) => [name, median(all)]));
}

/** Milliseconds of one side, a round each: by the clock, and of its worker's processors where they can be had. */
interface Side {
  times: number[];
  cpu: number[];
}

async function measure({ times, cpu }: Side, worker: number | undefined, work: () => Promise<unknown>): Promise<void> {
  const used = (): number => (worker === undefined ? undefined : cpuMilliseconds(worker)) ?? Number.NaN;
  const before = used();
  const started = performance.now();
  await work();
  times.push(performance.now() - started);
  cpu.push(used() - before);
}

interface Figures {
  ours: Side;
  theirs: Side;
  activities: number;
  inside: Record<string, number>;
  json: boolean;
}

function report({ ours, theirs, activities, inside, json }: Figures): void {
  const times = ratio(ours.times, theirs.times);
  const each = (all: number[]): string => (median(all) / activities).toFixed(1);
  const row = (name: string, { times: clock, cpu }: Side): string =>
    `| ${name} | ${activities} | ${spread(clock, 0)} | ${each(clock)} | ${each(cpu)} |`;
  if (json) process.stdout.write(`${JSON.stringify({ activities, ratio: times, ours, theirs, inside })}\n`);
  const body = [
    `${new Date().toISOString().slice(0, 10)}, ${machine()}. Medians (smallest–largest) of ${ours.times.length} rounds in turn, both warm, on one dev server with its database in a file; each worker has a process of its own.`,
    `A refresh of ${SOURCES} sources of one row, a table of each, and what is published of them, from the request to the summary; the bare workflow has as many empty activities in the same order, on queues with the same slots.`,
    '',
    '| | activities | ms | ms an activity | of the worker, CPU ms an activity |',
    '|---|---|---|---|---|',
    row('georefresh', ours),
    row('bare workflow', theirs),
    '',
    `Ratio, round by round: **${times.toFixed(2)} ×** (goal ${GOAL} at most). Inside a step, ms: ${Object.entries(
      inside,
    )
      .map(([name, taken]) => `${name} ${taken.toFixed(0)}`)
      .join(', ')}.`,
  ].join('\n');
  writeResults('overhead', body);
  process.stderr.write(`${body}\n`);
  if (times > GOAL) process.exitCode = 1;
}
