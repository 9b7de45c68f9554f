import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { afterAll, expect, test } from 'vitest';
import { pipelineWorkflowId } from '../../workflows/messages.js';
import { type Cluster, NOTICED, startCluster } from '../support/cluster.js';
import { temporaryHome } from '../support/home.js';
import { needs } from '../support/needs.js';
import { startReader } from '../support/reader.js';
import { type SmallDefinition, writeSmallPipeline } from '../support/small-pipeline.js';
import { faultsOf } from '../support/snapshots.js';

const NAME = 'shops-next';
const AT_ONCE = 50;
const told: string[] = [];

/** A cluster whose pipeline is refreshed half a second after the last signal. */
async function withSignals(watch: boolean, work: (cluster: Cluster) => Promise<void>): Promise<void> {
  const home = await temporaryHome();
  const signals = { quiet: '500ms', longestWait: '5s', idle: '3s' };
  const change = (definition: SmallDefinition): void => void Object.assign(definition, { signals });
  const { pipelines } = await writeSmallPipeline(home, { name: NAME, change });
  const env = {
    ...{ GEOREFRESH_PIPELINES: pipelines, GEOREFRESH_HEARTBEAT_TIMEOUT: '3s' },
    ...{ GEOREFRESH_WATCH_SETTLE: '300ms', GEOREFRESH_WATCH_EVERY: '5s' },
  };
  const cluster = await startCluster({ home, watch, env });
  try {
    await work(cluster);
  } finally {
    await cluster.end();
  }
}

const shopsOf = (home: string): string => join(home, 'inputs', 'shops.csv');

/** Adds a shop, as people should: written elsewhere, then moved into place. */
async function addShop(home: string, id: number): Promise<void> {
  const path = shopsOf(home);
  await writeFile(`${path}.part`, `${await readFile(path, 'utf8')}${id},1.5,1.5\n`);
  await rename(`${path}.part`, path);
}

/** Whether what is published was made of the shops as they are now. */
async function isPublished({ client, home }: Cluster): Promise<boolean> {
  const sha256 = createHash('sha256')
    .update(await readFile(shopsOf(home)))
    .digest('hex');
  const run = (await client.status(NAME)).pipelines[0]?.published?.run;
  if (run === undefined) return false;
  // The manifest of a run is written behind its publication.
  const manifest = await client.show(run).catch(() => undefined);
  return manifest?.sources.some((source) => source.sha256 === sha256) ?? false;
}

async function until(done: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + 180_000; !(await done()); await sleep(200))
    if (Date.now() > end) throw new Error(`not within 3 minutes: ${what}`);
}

/** Sends signals, some at a time; gives the seconds until the engine had taken all of them. */
async function sendSignals({ client }: Cluster, count: number): Promise<number> {
  const began = performance.now();
  let sent = 0;
  const sender = async (): Promise<void> => {
    while (sent < count) await client.signalNewData({ pipeline: NAME, fingerprint: `delivery ${sent++}` });
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sender));
  return (performance.now() - began) / 1000;
}

/** Events of each run of the workflow that takes the signals, once it has ended idle. */
async function eventsOf(cluster: Cluster): Promise<number[]> {
  const { port } = await cluster.engine();
  const connection = await Connection.connect({ address: `127.0.0.1:${port}` });
  try {
    const client = new Client({ connection });
    const workflowId = pipelineWorkflowId(NAME);
    await until(
      async () => (await client.workflow.getHandle(workflowId).describe()).status.name === 'COMPLETED',
      'it ends idle',
    );
    const counts: number[] = [];
    for await (const { runId } of client.workflow.list({ query: `WorkflowId = "${workflowId}"` }))
      counts.push((await client.workflow.getHandle(workflowId, runId).describe()).historyLength);
    return counts.reverse();
  } finally {
    await connection.close();
  }
}

const runsOf = ({ client }: Cluster) => client.runs(NAME, { limit: 1000 });

/** A watcher of its own, as `up` starts it; gives how it ended after it was asked to, within a bound. */
async function endOfWatcher({ home, engine }: Cluster): Promise<unknown> {
  const program = fileURLToPath(new URL('../../dist/workers/main.js', import.meta.url));
  const args = ['--roles', 'watch', '--address', `127.0.0.1:${(await engine()).port}`];
  const child = fork(program, args, { env: { ...process.env, GEOREFRESH_HOME: home }, stdio: 'ignore' });
  const tooLate = setTimeout(() => child.kill('SIGKILL'), 20_000);
  try {
    const ended = once(child, 'exit');
    await Promise.race([once(child, 'message'), ended]);
    child.kill('SIGTERM');
    return await ended;
  } finally {
    clearTimeout(tooLate);
  }
}

needs('engine').describe('signals of new data, on separate processes', () => {
  afterAll(() => {
    process.stdout.write(`\n${told.join('\n')}\n`);
  });

  test('500 at once, a worker killed among them: few refreshes, and the last state of the sources is published (F10)', () =>
    withSignals(false, async (cluster) => {
      const sending = sendSignals(cluster, 500);
      const changing = (async () => {
        for (let n = 0; n < 5; n++, await sleep(100)) await addShop(cluster.home, 9000 + n);
      })();
      const [worker] = await cluster.workers();
      if (worker === undefined) throw new Error('no worker');
      await cluster.signal(worker.pid, 'SIGKILL');
      const [seconds] = await Promise.all([sending, changing]);
      // The last word comes after the last change.
      await cluster.client.signalNewData({ pipeline: NAME });
      await until(() => isPublished(cluster), 'the last state is published');
      await eventsOf(cluster);
      const runs = await runsOf(cluster);
      expect(runs.map(({ trigger }) => trigger)).toEqual(runs.map(() => 'signal'));
      expect(runs.length).toBeLessThanOrEqual(6);
      await expect.poll(() => cluster.notices(), NOTICED).toContain(`worker ${worker.pid} ended by SIGKILL`);
      expect(await isPublished(cluster)).toBe(true);
      expect(await faultsOf(cluster.home, NAME)).toEqual([]);
      told.push(`500 signals taken in ${seconds.toFixed(1)} s, ${runs.length} refreshes, worker killed among them`);
    }));

  test('5,000, with readers beside: no run of the workflow has 10,000 events (F12, P9)', () =>
    withSignals(false, async (cluster) => {
      await (await cluster.client.refresh({ pipeline: NAME })).result();
      const reader = startReader(cluster.home, NAME);
      const seconds = await sendSignals(cluster, 5_000);
      await addShop(cluster.home, 9100);
      await cluster.client.signalNewData({ pipeline: NAME });
      await until(() => isPublished(cluster), 'the last state is published');
      const events = await eventsOf(cluster);
      expect(Math.max(...events)).toBeLessThan(10_000);
      const { torn } = await reader.stop();
      expect(torn).toEqual([]);
      const { length } = await runsOf(cluster);
      told.push(
        `5,000 signals taken in ${seconds.toFixed(1)} s, ${length} refreshes, events a run: ${events.join(', ')}`,
      );
    }));

  test('files that change are refreshed by themselves where `up` watches, also after the watcher was killed', () =>
    withSignals(true, async (cluster) => {
      await until(() => isPublished(cluster), 'what was there is published');
      await addShop(cluster.home, 9200);
      await until(() => isPublished(cluster), 'a change is published');
      const { pid } = await cluster.log.until(({ event }) => event === 'new_data', 'a signal of the watcher');
      expect((await cluster.workers()).map((worker) => worker.pid)).not.toContain(pid);
      process.kill(pid, 'SIGKILL');
      await addShop(cluster.home, 9201);
      await until(() => isPublished(cluster), 'a change while nobody watched is published');
      await expect.poll(() => cluster.notices(), NOTICED).toContain(`watcher ${pid} ended by SIGKILL`);
      const runs = await runsOf(cluster);
      expect(new Set(runs.map(({ trigger }) => trigger))).toEqual(new Set(['signal']));
      expect(await endOfWatcher(cluster)).toEqual([0, null]);
    }));
});
