import { describe, expect, test } from 'vitest';
import { startCluster } from '../support/cluster.js';
import { isBeginOf } from '../support/steps.js';
import { killAt, recovery, TARGETS } from './killed-workers.js';
import { expectAsUndisturbed, expectPublished, QUICK, type Scenario, startRun, withCluster } from './scenario.js';

/** F3, F1 with F3, F6: the engine dies, the engine and a worker, or all at once. */
export function describeLostProcesses(scenario: () => Scenario): void {
  describe('a refresh whose engine is killed', () => {
    test('goes on under the same ids when the engine is back on its file (F3)', async () => {
      scenario().faults.expect('engine killed');
      await withCluster(scenario(), {}, async (cluster) => {
        const refresh = await startRun(cluster);
        await cluster.log.until(isBeginOf(TARGETS.features), 'features begin');
        const { pid, port } = await cluster.engine();
        await cluster.signal(pid, 'SIGKILL');
        await expectPublished(refresh);
        const after = await cluster.engine();
        expect({ pid: after.pid === pid, port: after.port }).toEqual({ pid: false, port });
        expect(cluster.notices()).toContain(`it runs again as process ${after.pid}`);
        // One run of the child from begin to end: it was not begun anew.
        expect(runsOf(cluster.log.lines())).toHaveLength(1);
        scenario().faults.saw('engine killed');
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
        expect(cluster.notices()).toContain(`worker ${begin.pid} ended by SIGKILL`);
        scenario().faults.saw('engine and worker killed', recovery(cluster, at));
        await expectAsUndisturbed(scenario(), cluster.home);
      });
    });
  });

  test('a power cut in the midst of a refresh leaves outputs whole, and the refresh goes on after it (F6)', async () => {
    scenario().faults.expect('power cut');
    await withCluster(scenario(), {}, async (cluster) => {
      const refresh = await startRun(cluster);
      await cluster.log.until(isBeginOf(TARGETS.publish), 'publish/snapshot begins');
      await cluster.cutPower();
      scenario().faults.saw('power cut');
      const next = await startCluster({ home: cluster.home, env: QUICK });
      try {
        await expectPublished(await next.client.find(refresh.run));
        await expectAsUndisturbed(scenario(), next.home);
      } finally {
        await next.end();
      }
    });
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

/** Run ids of the workflows whose steps the log tells of, in order of appearance. */
export const runsOf = (lines: readonly { event?: string; run?: string }[]): string[] => [
  ...new Set(lines.flatMap(({ event, run }) => (event === 'step_started' && run !== undefined ? [run] : []))),
];
