import { describe, expect, test } from 'vitest';
import { STAGES, type Stage } from '../../activities/types.js';
import type { Cluster } from '../support/cluster.js';
import { timeOf } from '../support/log-tail.js';
import { isBeginOf } from '../support/steps.js';
import { TARGETS } from './killed-workers.js';
import {
  expectAsBefore,
  expectAsUndisturbed,
  expectPublished,
  type Scenario,
  startRun,
  withCluster,
} from './scenario.js';

/** Behind publish/snapshot there is nothing left to cancel. */
const CANCEL_AT: Record<Stage, string> = { ...TARGETS, publish: 'publish/report' };

/** How long a step may still work after the request, in milliseconds. */
const STOPS_WITHIN_MS = 2_000;

/** F11: a refresh that is cancelled in each stage. */
export function describeCancelled(scenario: () => Scenario): void {
  describe('a refresh that is cancelled (F11)', () => {
    test('in any stage stops within 2 s, leaves outputs as they were and a manifest; the next one publishes', async () => {
      scenario().faults.expect(...STAGES.map((stage) => `cancelled in ${stage}`));
      await withCluster(scenario(), {}, async (cluster) => {
        for (const stage of STAGES) {
          const seconds = await cancelAt(cluster, CANCEL_AT[stage]);
          await expectAsBefore(cluster.home);
          scenario().faults.saw(`cancelled in ${stage}`, `${seconds.toFixed(1)} s`);
        }
        await expectPublished(await startRun(cluster));
        await expectAsUndisturbed(scenario(), cluster.home);
      });
    });
  });
}

/** Cancels a refresh when a step of it begins; gives the seconds until the last of its steps had ended. */
async function cancelAt(cluster: Cluster, step: string): Promise<number> {
  const from = cluster.log.mark();
  const refresh = await startRun(cluster);
  const begin = await cluster.log.until(isBeginOf(step), `${step} begins`, { from });
  const at = Date.now();
  await refresh.cancel();
  await expect(refresh.result()).rejects.toMatchObject({ code: 'GR-3006' });
  const steps = cluster.log.lines().filter(({ run, step: id }) => run === begin.run && id?.includes('/') === true);
  const open = steps.filter(({ event }) => event === 'step_started').length - steps.filter(isEnd).length;
  expect(open).toBe(0);
  const ended = Math.max(...steps.map(timeOf));
  expect(ended - at).toBeLessThan(STOPS_WITHIN_MS);
  const manifest = await cluster.client.show(refresh.run);
  expect(manifest).toMatchObject({ outcome: 'cancelled', generation: null, error: { code: 'GR-3006' } });
  return Math.max(0, (ended - at) / 1000);
}

const isEnd = ({ event }: { event?: string }): boolean =>
  event !== 'step_started' && event?.startsWith('step_') === true;
