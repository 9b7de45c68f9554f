import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../support/cluster.js';
import { controlGroup, type Limits } from '../support/control-group.js';
import { startFaultProxy } from '../support/fault-proxy.js';
import { temporaryFolder, temporaryHome } from '../support/home.js';
import { timeOf } from '../support/log-tail.js';
import { needs } from '../support/needs.js';
import { startObjectServer, TEST_KEYS } from '../support/object-server.js';
import { writeSmallPipeline } from '../support/small-pipeline.js';
import { Sometimes } from '../support/sometimes.js';
import { isAgain, isBeginOf } from '../support/steps.js';

const AWAY_MS = 60_000;
/** P8: when a store is back, a refresh goes on within this time. */
const GOES_ON_MS = 30_000;

/** A cluster on the small pipeline; `env` says which store it has. */
async function withSmallCluster(
  env: Record<string, string>,
  work: (cluster: Cluster, refresh: () => ReturnType<Cluster['client']['refresh']>) => Promise<void>,
): Promise<void> {
  const small = await writeSmallPipeline(await temporaryFolder());
  const cluster = await startCluster({
    home: await temporaryHome(),
    env: { ...env, GEOREFRESH_PIPELINES: small.pipelines },
  });
  try {
    await work(cluster, () => cluster.client.refresh({ pipeline: small.name, inputs: small.inputs }));
  } finally {
    await cluster.end();
  }
}

needs('engine').describe('a refresh with little to live on', () => {
  const faults = new Sometimes();
  afterAll(() => void process.stdout.write(`\n${faults.table()}\n`));

  needs('store').test('goes on within 30 s when its bucket was away for a minute (F13, P8)', async () => {
    const server = await startObjectServer(await temporaryFolder('s3'));
    const proxy = await startFaultProxy(server.port);
    const env = { ...TEST_KEYS, GEOREFRESH_STORE: 's3://lake/away', GEOREFRESH_STORE_ENDPOINT: proxy.endpoint };
    try {
      await withSmallCluster(env, async (cluster, refresh) => {
        const run = await refresh();
        await cluster.log.until(isBeginOf('features/known@now'), 'features begin');
        await proxy.away(true);
        await sleep(AWAY_MS);
        const [back, from] = [Date.now(), cluster.log.mark()];
        await proxy.away(false);
        const isDone = ({ event }: { event?: string }): boolean => event === 'step_completed';
        const done = await cluster.log.until(isDone, 'a step is done', { from, withinMs: GOES_ON_MS });
        faults.saw('bucket away for a minute', `a step done ${((timeOf(done) - back) / 1000).toFixed(1)} s after`);
        expect(await run.result()).toMatchObject({ outcome: 'published', generation: 1 });
      });
    } finally {
      await proxy.close();
      await server.stop();
    }
  });

  test.for<[string, Limits]>([
    ['700 MB of memory for each worker', { memoryBytes: 700 << 20 }],
    ['a quarter of a core for each worker', { cpuShare: 0.25 }],
  ])('publishes with %s, and no worker is taken for dead (F32, F33)', async ([what, limits], { skip }) => {
    const groups = [controlGroup(limits), controlGroup(limits)];
    const [none] = groups.flatMap((group) => ('missing' in group ? [group.missing] : []));
    try {
      if (none !== undefined) return skip(none);
      await withSmallCluster({}, async (cluster, refresh) => {
        for (const [i, { pid }] of (await cluster.workers()).entries()) {
          const group = groups[i];
          if (group !== undefined && 'take' in group) group.take(pid);
        }
        const started = performance.now();
        expect(await (await refresh()).result()).toMatchObject({ outcome: 'published', generation: 1 });
        faults.saw(what, `published in ${((performance.now() - started) / 1000).toFixed(0)} s`);
        expect(cluster.log.count(isAgain)).toBe(0);
        expect(cluster.notices()).not.toContain('ended by');
      });
    } finally {
      for (const group of groups) if ('remove' in group) await group.remove();
    }
  });
});
