import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeOf } from '../../config/errors.js';
import { Random } from '../../config/samples.js';
import { readCurrent } from '../../lake/current.js';
import { examineLake } from '../../lake/fsck.js';
import { openStore } from '../../lake/open-store.js';
import { Scratch } from '../../lake/scratch.js';
import type { ObjectStore } from '../../lake/types.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { type FaultProxy, seeded, startFaultProxy } from '../support/fault-proxy.js';
import { temporaryFolder } from '../support/home.js';
import { needs } from '../support/needs.js';
import { type ObjectServerProcess, startObjectServer, TEST_KEYS } from '../support/object-server.js';
import { type SmallDefinition, type SmallPipeline, smallFiles, writeSmallPipeline } from '../support/small-pipeline.js';
import { Sometimes } from '../support/sometimes.js';

const SEED = Number(process.env.GEOREFRESH_SEED ?? Date.now() % 1_000_000);
const MINUTES = Number(process.env.GEOREFRESH_CHAOS_MINUTES ?? 1);
const URI = 's3://lake/storm';
/** Of a long run: so many files must have been read, and none of them torn. */
const ENOUGH_LOOKS = 100_000;
/** A run that is disturbed over and over ends within this time after the last disturbance. */
const CALM_MS = 180_000;

/** What a client was told, in the order in which it was. */
interface Told {
  did: string;
  answer: string;
  generation: number | undefined;
}

needs('engine', 'store').describe(`a lake in a bucket, in a storm (GEOREFRESH_SEED=${SEED})`, () => {
  const random = new Random(SEED, 'storm');
  const faults = new Sometimes();
  const journal: Told[] = [];
  /** What the auditor found: files read whole or not, and publications that clients were told of and that are not there. */
  const audited = { looks: 0, torn: 0, lost: 0 };
  let small: SmallPipeline;
  let server: ObjectServerProcess;
  let root: string;
  let proxy: FaultProxy;
  let cluster: Cluster;
  /** The auditor's own way to the store: past the proxy. */
  let direct: ObjectStore;
  let hours = 0;

  beforeAll(async () => {
    Object.assign(process.env, TEST_KEYS);
    const change = (definition: SmallDefinition): void => {
      Object.assign(definition, { retention: { snapshots: 3, days: 0, runs: 5, resultDays: 1 } });
    };
    small = await writeSmallPipeline(await temporaryFolder(), { change });
    root = await temporaryFolder('s3');
    server = await startObjectServer(root);
    proxy = await startFaultProxy(server.port);
    direct = await openStore(URI, { endpoint: server.endpoint });
    cluster = await startCluster({
      home: await temporaryFolder('home'),
      env: {
        ...TEST_KEYS,
        GEOREFRESH_HEARTBEAT_TIMEOUT: '3s',
        GEOREFRESH_PIPELINES: small.pipelines,
        GEOREFRESH_STORE: URI,
        GEOREFRESH_STORE_ENDPOINT: proxy.endpoint,
      },
    });
    // The first publication is made in peace, so that readers have something to read.
    await tell('refresh', refresh);
  });
  afterAll(async () => {
    await cluster?.end();
    direct?.close?.();
    await proxy?.close();
    await server?.stop();
    const fired = [...(proxy?.fired ?? [])].map(([fault, times]) => `${fault} ${times}`).join(', ');
    const { lost, torn, looks } = audited;
    process.stdout.write(
      `\nGEOREFRESH_SEED=${SEED}: lost ${lost}, torn ${torn}, looks ${looks}, answers ${journal.length}\n${faults.table()}\nRequests disturbed: ${fired}\n`,
    );
  });

  const tell = async (
    did: string,
    work: () => Promise<{ answer: string; generation?: number | null }>,
  ): Promise<void> => {
    const { answer, generation } = await work().catch((error: unknown) => ({
      answer: codeOf(error),
      generation: null,
    }));
    journal.push({ did, answer, generation: generation ?? undefined });
  };

  /** Each refresh is of inputs of its own: some rows are others. */
  const refresh = async () => {
    const files = smallFiles();
    const shops = Object.keys(files).find((name) => name.includes('shops'));
    if (shops === undefined) throw new Error('no shops');
    await writeFile(join(small.inputs, shops), `${files[shops]?.trimEnd()}\n${900 + hours},${(hours % 19) / 10},0.5\n`);
    const logicalTime = new Date(Date.UTC(2026, 0, 1, hours++)).toISOString();
    const run = await cluster.client.refresh({ pipeline: small.name, inputs: small.inputs, logicalTime });
    const { outcome, generation } = await run.result();
    return { answer: outcome, generation };
  };
  const goBack = async () => {
    const { generation } = await cluster.client.rollback({ pipeline: small.name });
    await cluster.client.release(small.name);
    return { answer: 'rolled back', generation };
  };
  const collect = async () => {
    const { floor } = await cluster.client.collect({ pipeline: small.name });
    return { answer: `collected below ${floor}` };
  };

  /** Each disturbs the system once and puts right what does not right itself. */
  const disturbances: Record<string, () => Promise<void>> = {
    'worker killed': async () => {
      const [worker] = await cluster.workers();
      if (worker !== undefined) await cluster.signal(worker.pid, 'SIGKILL');
    },
    'worker frozen': async () => {
      const worker = (await cluster.workers()).at(-1);
      if (worker === undefined) return;
      await cluster.signal(worker.pid, 'SIGSTOP');
      await sleep(4000);
      await cluster.signal(worker.pid, 'SIGCONT');
    },
    'engine killed': async () => cluster.signal((await cluster.engine()).pid, 'SIGKILL'),
    'store killed': async () => {
      await server.stop();
      await sleep(2000);
      server = await startObjectServer(root, server.port);
    },
    'store away': async () => {
      await proxy.away(true);
      await sleep(random.integer(500, 5000));
      await proxy.away(false);
    },
    'requests disturbed': async () => {
      const share = random.between(0.02, 0.06);
      const each = {
        lost: share,
        internal: share,
        reset: share,
        slowDown: 2 * share,
        conflict: share,
        cut: share,
        slow: share,
      };
      proxy.decide = seeded(random.integer(1, 1e6), each);
      await sleep(8000);
      proxy.decide = () => undefined;
    },
  };

  /** Reads what is published, all of it, as somebody outside does, until it is told to stop. */
  const audit = (signal: AbortSignal) => {
    const seen = { looks: 0, torn: [] as string[], newest: 0 };
    const look = async (): Promise<void> => {
      const current = await readCurrent(direct, small.name);
      if (current === undefined) return;
      const { generation } = current.pointer;
      if (generation < seen.newest) seen.torn.push(`generation ${generation} after ${seen.newest}`);
      seen.newest = generation;
      for (const { uri, sha256 } of current.manifest.outputs) {
        const bytes = await direct.get(uri);
        seen.looks++;
        if (createHash('sha256').update(bytes).digest('hex') !== sha256) seen.torn.push(`${uri} is torn`);
      }
      seen.torn.push(...current.warnings);
    };
    const loop = async (): Promise<typeof seen> => {
      while (!signal.aborted) {
        // While the store is killed nothing can be read; what is read must be whole.
        await look().catch((error: unknown) => {
          if (codeOf(error) !== 'GR-5002') seen.torn.push(String(error));
        });
        await sleep(20);
      }
      return seen;
    };
    return loop();
  };

  test(
    `loses nothing that it acknowledged, shows nothing torn, and ends every run, for ${MINUTES} min (P2–P5, P8)`,
    async () => {
      faults.expect(...Object.keys(disturbances));
      const over = new AbortController();
      const auditing = audit(over.signal);
      const end = performance.now() + MINUTES * 60_000;
      const busy = async (): Promise<void> => {
        for (let i = 0; performance.now() < end; i++) {
          await tell('refresh', refresh);
          if (i % 2 === 0) await tell('collect', collect);
          else await tell('rollback', goBack);
        }
      };
      const storm = async (): Promise<void> => {
        const names = Object.keys(disturbances);
        for (let i = 0; performance.now() < end || i < names.length; i++) {
          // Each once in an order of chance before any comes again.
          if (i % names.length === 0) names.sort(() => random.next() - 0.5);
          const name = names[i % names.length] as string;
          await disturbances[name]?.();
          faults.saw(name);
          await sleep(random.integer(500, 3000));
        }
      };
      await Promise.all([busy(), storm()]);
      await expect
        .poll(() => tell('refresh', refresh).then(() => journal.at(-1)?.answer), { timeout: CALM_MS })
        .toBe('published');
      over.abort();
      const { looks, torn } = await auditing;
      const newest = (await readCurrent(direct, small.name))?.pointer.generation ?? 0;
      const told = journal.flatMap(({ generation }) => generation ?? []);
      const lost = told.filter((generation) => generation > newest).length;
      Object.assign(audited, { looks, torn: torn.length, lost });
      expect(torn).toEqual([]);
      expect(lost).toBe(0);
      expect(looks).toBeGreaterThan(MINUTES >= 30 ? ENOUGH_LOOKS : 100 * MINUTES);
      expect(faults.never()).toEqual([]);
      // What clients were told is in the history, and generations rose one by one.
      expect([...told].sort((a, b) => a - b)).toEqual(told);
      expect(Math.max(...told)).toBe(newest);
      const scratch = await Scratch.open({ store: direct, root: await temporaryFolder('scratch'), bytes: 1e9 });
      const examined = await examineLake({ store: direct, scratch }, small.name);
      expect(examined).toMatchObject({ generation: newest, faults: [] });
      await scratch.close();
    },
    MINUTES * 60_000 + 2 * CALM_MS,
  );
});
