import { describe, expect, test } from 'vitest';
import type { Cluster } from '../support/cluster.js';
import type { LogLine } from '../support/log-tail.js';
import { faultsOf, pointerOf } from '../support/snapshots.js';
import { isBeginOf, isEndOf } from '../support/steps.js';
import { recovery, TARGETS } from './killed-workers.js';
import {
  expectAsUndisturbed,
  expectPublished,
  NOW,
  PIPELINE,
  type Scenario,
  startRun,
  withCluster,
} from './scenario.js';

/** The step may be over before the signal arrives; so often another run is made to catch it inside. */
const TRIES = 5;

/** After the thaw the frozen worker finishes what it was at, within this time. */
const THAWED_MS = 30_000;

/** F2: a worker that is frozen past its heartbeat and wakes up when another one has done its step. */
export function describeFrozen(scenario: () => Scenario): void {
  describe('a worker that is frozen past its heartbeat and thawed when its step was done by another (F2)', () => {
    test('at the snapshot: moves neither the pointer nor latest any more (P5)', async () => {
      await untilCaught(scenario(), 'worker frozen at publish/snapshot', TARGETS.publish, async (cluster, thaw) => {
        const before = await pointerOf(cluster.home, PIPELINE);
        await thaw();
        expect(await pointerOf(cluster.home, PIPELINE)).toEqual(before);
        await expectAsUndisturbed(scenario(), cluster.home);
      });
    });

    test('at the snapshot, when a later run has published since: does not bring its own back (P5)', async () => {
      await untilCaught(scenario(), 'worker frozen over two runs', TARGETS.publish, async (cluster, thaw) => {
        await expectAsUndisturbed(scenario(), cluster.home);
        const logicalTime = new Date(Date.parse(NOW) + 3_600_000).toISOString();
        const overrides = { 'candidates.ridge.alpha': 2 };
        const later = await cluster.client.refresh({ pipeline: PIPELINE, logicalTime, overrides });
        expect(await later.result()).toMatchObject({ outcome: 'published', generation: 3 });
        await thaw();
        expect(await pointerOf(cluster.home, PIPELINE)).toMatchObject({ run: later.run, generation: 3 });
        expect(await faultsOf(cluster.home, PIPELINE)).toEqual([]);
      });
    });

    test('at a kernel: what it still writes is what is there already', async () => {
      await untilCaught(scenario(), 'worker frozen in features', TARGETS.features, async (cluster, thaw) => {
        await thaw();
        await expectAsUndisturbed(scenario(), cluster.home);
      });
    });
  });
}

/**
 * Freezes the worker that begins a step, lets the others publish, and hands over to `act`. Where the step was over before
 * the worker stood still, nothing was shown, and another run is made.
 */
async function untilCaught(
  scenario: Scenario,
  fault: string,
  step: string,
  act: (cluster: Cluster, thaw: () => Promise<LogLine>) => Promise<void>,
): Promise<void> {
  scenario.faults.expect(fault);
  let caught = false;
  for (let i = 0; i < TRIES && !caught; i++) {
    await withCluster(scenario, {}, async (cluster) => {
      const refresh = await startRun(cluster);
      const { pid } = await cluster.log.until(isBeginOf(step), `${step} begins`);
      const at = Date.now();
      await cluster.signal(pid, 'SIGSTOP');
      caught = cluster.log.find(isEndOf(step, pid)) === undefined;
      if (!caught) return cluster.signal(pid, 'SIGCONT');
      await expectPublished(refresh);
      expect(cluster.log.count((line) => isBeginOf(step)(line) && line.pid !== pid)).toBeGreaterThan(0);
      await act(cluster, async () => {
        await cluster.signal(pid, 'SIGCONT');
        const end = await cluster.log.until(isEndOf(step, pid), 'the thawed worker ends its step', {
          withinMs: THAWED_MS,
        });
        scenario.faults.saw(fault, `tried again after ${recovery(cluster, at)}, it ended as ${end.event ?? ''}`);
        return end;
      });
    });
  }
}
