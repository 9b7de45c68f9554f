import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type Cluster, NOTICED, startCluster } from '../support/cluster.js';
import type { LogLine } from '../support/log-tail.js';
import { isBeginOf } from '../support/steps.js';
import { killAt, recovery, TARGETS } from './killed-workers.js';
import { expectAsUndisturbed, expectPublished, type Scenario, startRun, withCluster } from './scenario.js';

/** P8: an engine that died serves again within this time. */
const ENGINE_BACK_MS = 15_000;

/** Since a moment, in milliseconds since the epoch. */
const seconds = (from: number): string => `${((Date.now() - from) / 1000).toFixed(1)} s`;

/** F3, F1 with F3, F6: the engine dies, the engine and a worker, or all at once. */
export function describeLostProcesses(scenario: () => Scenario, moments: () => readonly number[]): void {
  describe('a refresh whose engine is killed', () => {
    test('goes on under the same ids when the engine is back on its file (F3)', async () => {
      scenario().faults.expect('engine killed');
      await withCluster(scenario(), {}, async (cluster) => {
        const refresh = await startRun(cluster);
        await cluster.log.until(isBeginOf(TARGETS.features), 'features begin');
        const { pid, port } = await cluster.engine();
        const [at, from] = [Date.now(), cluster.log.mark()];
        await cluster.signal(pid, 'SIGKILL');
        const isBack = ({ msg }: LogLine): boolean => msg === 'engine started';
        await cluster.log.until(isBack, 'the engine is back', { from, withinMs: ENGINE_BACK_MS });
        const back = seconds(at);
        await expectPublished(refresh);
        const after = await cluster.engine();
        expect({ pid: after.pid === pid, port: after.port }).toEqual({ pid: false, port });
        await expect.poll(() => cluster.notices(), NOTICED).toContain(`it runs again as process ${after.pid}`);
        // One run of the child from begin to end: it was not begun anew.
        expect(runsOf(cluster.log.lines())).toHaveLength(1);
        scenario().faults.saw('engine killed', `back after ${back}`);
        await expectAsUndisturbed(scenario(), cluster.home);
      });
    });

    test('together with the worker that is at a step of it, still publishes', async () => {
      scenario().faults.expect('engine and worker killed');
      await withCluster(scenario(), {}, async (cluster) => {
        const refresh = await startRun(cluster);
        const begin = await cluster.log.until(isBeginOf(TARGETS.train), 'train/evaluate begins');
        const { pid } = await cluster.engine();
        const at = Date.now();
        await Promise.all([cluster.signal(begin.pid, 'SIGKILL'), cluster.signal(pid, 'SIGKILL')]);
        await expectPublished(refresh);
        expect((await cluster.engine()).pid).not.toBe(pid);
        await expect.poll(() => cluster.notices(), NOTICED).toContain(`worker ${begin.pid} ended by SIGKILL`);
        scenario().faults.saw('engine and worker killed', recovery(cluster, at));
        await expectAsUndisturbed(scenario(), cluster.home);
      });
    });
  });

  test('a power cut leaves outputs whole, and the refresh goes on after it (F6)', async () => {
    scenario().faults.expect('power cut at publish/snapshot', 'power cut at a random moment');
    await cutPowerAt(scenario(), 'power cut at publish/snapshot', async ({ log }) => {
      await log.until(isBeginOf(TARGETS.publish), 'publish/snapshot begins');
    });
    for (const moment of moments())
      await cutPowerAt(scenario(), 'power cut at a random moment', () => sleep(moment * scenario().peacefulMs));
  });

  test('a refresh goes on where workers keep one workflow in memory and replay all others', async () => {
    const env = { GEOREFRESH_MAX_CACHED_WORKFLOWS: '1' };
    scenario().faults.expect('worker killed that replays');
    await withCluster(scenario(), { env }, async (cluster) => {
      await expectPublished(await startRun(cluster));
      await expectAsUndisturbed(scenario(), cluster.home);
    });
    await withCluster(scenario(), { env }, async (cluster) => {
      const refresh = await startRun(cluster);
      const { at } = await killAt(cluster, TARGETS.features);
      await expectPublished(refresh);
      scenario().faults.saw('worker killed that replays', recovery(cluster, at));
      await expectAsUndisturbed(scenario(), cluster.home);
    });
  });
}

/** Cuts the power when `moment` has come, starts all again, and waits for the end of the refresh. */
async function cutPowerAt(
  scenario: Scenario,
  fault: string,
  moment: (cluster: Cluster) => Promise<unknown>,
): Promise<void> {
  await withCluster(scenario, {}, async (cluster) => {
    const refresh = await startRun(cluster);
    await moment(cluster);
    await cluster.cutPower();
    const next = await startCluster({ home: cluster.home, env: scenario.env });
    const up = Date.now();
    try {
      await expectPublished(await next.client.find(refresh.run));
      scenario.faults.saw(fault, `published ${seconds(up)} after the next start`);
      await expectAsUndisturbed(scenario, next.home);
    } finally {
      await next.end();
    }
  });
}

/** Run ids of the workflows whose steps the log tells of, in order of appearance. */
export const runsOf = (lines: readonly { event?: string; run?: string }[]): string[] => [
  ...new Set(lines.flatMap(({ event, run }) => (event === 'step_started' && run !== undefined ? [run] : []))),
];
