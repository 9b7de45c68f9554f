import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../support/cluster.js';
import { temporaryFolder } from '../support/home.js';
import type { LogLine } from '../support/log-tail.js';
import { needs } from '../support/needs.js';
import { type ObjectServerProcess, startObjectServer, TEST_KEYS } from '../support/object-server.js';
import { differences } from '../support/snapshots.js';
import { isAgain, isEndOf } from '../support/steps.js';
import { lightPipelines, NOW, PIPELINE, QUICK, sampleInputs } from './scenario.js';

const MINUTE = 60_000;

const begun = (cluster: Cluster): LogLine[] =>
  cluster.log.lines().filter(({ event, step }) => event === 'step_started' && step !== undefined);
const stagesOf = (cluster: Cluster): string[] => [
  ...new Set(begun(cluster).flatMap(({ step = '' }) => (step.includes('/') ? [step.slice(0, step.indexOf('/'))] : []))),
];

needs('engine', 'store').describe('workers of different roles with homes of their own, on one bucket (S2.13)', () => {
  let server: ObjectServerProcess;
  let io: Cluster;
  let compute: Cluster;
  let alone: Cluster;
  let inputs: string;

  beforeAll(async () => {
    server = await startObjectServer(await temporaryFolder('s3'));
    inputs = await sampleInputs(await temporaryFolder('inputs'));
    const pipelines = await lightPipelines(await temporaryFolder('pipelines'));
    const local = { ...QUICK, GEOREFRESH_PIPELINES: pipelines };
    const env = {
      ...local,
      ...TEST_KEYS,
      GEOREFRESH_STORE: 's3://lake/shared',
      GEOREFRESH_STORE_ENDPOINT: server.endpoint,
      GEOREFRESH_THREADS: '1',
    };
    io = await startCluster({ home: await temporaryFolder('home'), workers: 1, roles: 'workflows,io', env });
    const { port } = await io.engine();
    compute = await startCluster({
      home: await temporaryFolder('home'),
      workers: 2,
      roles: 'compute',
      env: { ...env, TEMPORAL_ADDRESS: `127.0.0.1:${port}` },
    });
    alone = await startCluster({ home: await temporaryFolder('home'), env: local });
  }, 3 * MINUTE);
  afterAll(async () => {
    await compute?.end();
    await io?.end();
    await alone?.end();
    await server?.stop();
  });

  test(
    'share a refresh by what they are for, and the death of one costs the steps that it was at, and no byte',
    async () => {
      const refresh = await io.client.refresh({ pipeline: PIPELINE, logicalTime: NOW, inputs });
      const victim = await compute.log.until(
        ({ event, step }) => event === 'step_started' && step?.startsWith('features/tract_features') === true,
        'a part of the features begins',
      );
      await compute.signal(victim.pid, 'SIGKILL');
      const open = begun(compute)
        .filter(({ pid, step = '' }) => pid === victim.pid && compute.log.find(isEndOf(step, pid)) === undefined)
        .map(({ step }) => step);
      expect(open).toContain(victim.step);
      expect(await refresh.result()).toMatchObject({ outcome: 'published', generation: 1 });

      // Of training what writes models down is no work for kernels.
      expect(stagesOf(io).filter((stage) => ['features', 'score'].includes(stage))).toEqual([]);
      expect(stagesOf(io)).toEqual(expect.arrayContaining(['ingest', 'publish']));
      expect(stagesOf(compute)).toEqual(expect.arrayContaining(['features', 'train', 'score']));
      expect(stagesOf(compute)).not.toContain('publish');
      // Both took part, and the one that took the dead one's place.
      expect(new Set(begun(compute).map(({ pid }) => pid)).size).toBeGreaterThanOrEqual(2);
      const again = [io, compute].flatMap((cluster) => cluster.log.lines().filter(isAgain));
      expect(again.map(({ step }) => step)).toContain(victim.step);
      for (const { step } of again) expect(open).toContain(step);

      await (await alone.client.refresh({ pipeline: PIPELINE, logicalTime: NOW, inputs })).result();
      expect(await differences(alone.home, join(server.objects, 'shared'), PIPELINE)).toEqual([]);
    },
    5 * MINUTE,
  );
});
