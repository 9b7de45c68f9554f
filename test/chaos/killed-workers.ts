import { describe, expect, test } from 'vitest';
import { STAGES, type Stage } from '../../activities/types.js';
import { type Cluster, NOTICED } from '../support/cluster.js';
import { type LogLine, timeOf } from '../support/log-tail.js';
import { isAgain, isBeginOf } from '../support/steps.js';
import { type Case, expectAsUndisturbed, expectPublished, type Scenario, startRun, withCluster } from './scenario.js';

/** The activity of each stage that a fault is aimed at: its longest, or the one that most could go wrong in. */
export const TARGETS: Record<Stage, string> = {
  ingest: 'ingest/stations',
  validate: 'validate/stations',
  features: 'features/tract_context',
  train: 'train/evaluate',
  // The sample's predictions are one chunk, which is made where it is divided.
  score: 'score/predictions/split',
  publish: 'publish/snapshot',
};

/** Kills the worker that begins a step, and says when, in milliseconds since the epoch. */
export async function killAt(cluster: Cluster, step: string): Promise<{ killed: LogLine; at: number }> {
  const killed = await cluster.log.until(isBeginOf(step), `${step} begins`);
  const at = Date.now();
  await cluster.signal(killed.pid, 'SIGKILL');
  return { killed, at };
}

/** How long after a fault the first of the steps that it hit was tried again, in seconds. */
export function recovery(cluster: Cluster, at: number): string {
  const retried = cluster.log.find((line) => isAgain(line) && timeOf(line) >= at);
  return retried === undefined ? 'no step hit' : `${((timeOf(retried) - at) / 1000).toFixed(1)} s`;
}

async function killInStage(scenario: Scenario, stage: Stage, { env = {} }: Case = {}): Promise<number> {
  let seconds = Number.NaN;
  await withCluster(scenario, { env }, async (cluster) => {
    const refresh = await startRun(cluster);
    const { killed, at } = await killAt(cluster, TARGETS[stage]);
    await expectPublished(refresh);
    const retried = cluster.log.find((line) => isAgain(line) && line.step?.startsWith(`${stage}/`) === true);
    if (retried !== undefined) {
      seconds = (timeOf(retried) - at) / 1000;
      scenario.faults.saw(`worker killed in ${stage}`, `${seconds.toFixed(1)} s`);
    }
    await expect.poll(() => cluster.notices(), NOTICED).toContain(`worker ${killed.pid} ended by SIGKILL`);
    await expectAsUndisturbed(scenario, cluster.home);
  });
  return seconds;
}

/** F1: a worker killed in each stage and at random moments. */
export function describeKilledWorkers(scenario: () => Scenario, moments: () => readonly number[]): void {
  describe('a worker that is killed (F1)', () => {
    for (const stage of STAGES) {
      test(`in ${stage} costs a retry, and no byte of the result`, async () => {
        scenario().faults.expect(`worker killed in ${stage}`);
        await killInStage(scenario(), stage);
      });
    }

    test('is made good within its heartbeat timeout and 5 s, with the default timeout (P8)', async () => {
      const seconds = await killInStage(scenario(), 'features', { env: { GEOREFRESH_HEARTBEAT_TIMEOUT: '10s' } });
      expect(seconds).toBeLessThan(15);
    });

    test('at seeded random moments costs no byte of the result either', async () => {
      scenario().faults.expect('worker killed at a random moment', 'step hit at a random moment');
      for (const moment of moments()) await killAtMoment(scenario(), moment);
    });
  });
}

/** `moment` is a share of the undisturbed run's time. */
async function killAtMoment(scenario: Scenario, moment: number): Promise<void> {
  await withCluster(scenario, {}, async (cluster) => {
    const workers = await cluster.workers();
    const refresh = await startRun(cluster);
    await new Promise((resolve) => setTimeout(resolve, moment * scenario.peacefulMs));
    const victim = workers[Math.floor(moment * 1e6) % workers.length];
    if (victim === undefined) throw new Error('no worker lives');
    await cluster.signal(victim.pid, 'SIGKILL');
    const at = Date.now();
    await expectPublished(refresh);
    await expect.poll(() => cluster.notices(), NOTICED).toContain(`worker ${victim.pid} ended by SIGKILL`);
    scenario.faults.saw('worker killed at a random moment', `${(moment * 100).toFixed(0)} %`);
    if (cluster.log.count(isAgain) > 0) scenario.faults.saw('step hit at a random moment', recovery(cluster, at));
    await expectAsUndisturbed(scenario, cluster.home);
  });
}
