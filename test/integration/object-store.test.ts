import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCurrent } from '../../lake/current.js';
import { openStore } from '../../lake/open-store.js';
import type { ObjectStore } from '../../lake/types.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { type FaultProxy, seeded, startFaultProxy } from '../support/fault-proxy.js';
import { temporaryFolder } from '../support/home.js';
import { needs } from '../support/needs.js';
import { type ObjectServerProcess, startObjectServer, TEST_KEYS } from '../support/object-server.js';
import { type SmallPipeline, writeSmallPipeline } from '../support/small-pipeline.js';
import { differences } from '../support/snapshots.js';

/** Chances of each fault, a request. */
const CHANCES = { lost: 0.05, internal: 0.03, reset: 0.04, slowDown: 0.08, cut: 0.05, conflict: 0.05 };
const MOST_REFRESHES = 5;

const LOGICAL_TIME = '2026-01-06T06:00:00.000Z';
const AWAY_MS = 12_000;

needs('engine', 'store').describe('a refresh on S3 (S2.13, S3.19)', () => {
  let small: SmallPipeline;
  let server: ObjectServerProcess;
  let proxy: FaultProxy;
  let store: ObjectStore;
  let cluster: Cluster;
  let folder: string;
  let calm = 0;

  beforeAll(async () => {
    Object.assign(process.env, TEST_KEYS);
    small = await writeSmallPipeline(await temporaryFolder());
    server = await startObjectServer(await temporaryFolder('s3'));
    proxy = await startFaultProxy(server.port);
    store = await openStore('s3://lake/all/mine', { endpoint: proxy.endpoint });
    folder = await temporaryFolder('home');
    cluster = await startCluster({
      home: await temporaryFolder('home'),
      env: {
        ...TEST_KEYS,
        GEOREFRESH_PIPELINES: small.pipelines,
        GEOREFRESH_STORE: 's3://lake/all/mine',
        GEOREFRESH_STORE_ENDPOINT: proxy.endpoint,
      },
    });
  });
  afterAll(async () => {
    await cluster?.end();
    store?.close?.();
    await proxy?.close();
    await server?.stop();
  });

  /** Refreshes after the first. */
  let hours = 0;
  const refresh = async (hour: number): Promise<unknown> => {
    const logicalTime = new Date(Date.parse(LOGICAL_TIME) + hour * 3_600_000).toISOString();
    const request = { pipeline: small.name, inputs: small.inputs, logicalTime, force: true };
    return (await cluster.client.refresh(request)).result();
  };

  test('publishes the very bytes that it publishes in a folder', async () => {
    const before = proxy.requests;
    expect(await refresh(0)).toMatchObject({ outcome: 'published', generation: 1 });
    calm = proxy.requests - before;
    const beside = await startCluster({ home: folder, env: { GEOREFRESH_PIPELINES: small.pipelines } });
    try {
      const request = { pipeline: small.name, inputs: small.inputs, logicalTime: LOGICAL_TIME, force: true };
      expect(await (await beside.client.refresh(request)).result()).toMatchObject({ outcome: 'published' });
    } finally {
      await beside.end();
    }
    // The server keeps objects as files, so that its folder can be looked at as a home.
    expect(await differences(folder, join(server.objects, 'all/mine'), small.name)).toEqual([]);
    expect((await readCurrent(store, small.name))?.warnings).toEqual([]);
    const names: string[] = [];
    for await (const { key } of store.list(`outputs/${small.name}/latest/`)) names.push(key);
    expect(names).toContain(`outputs/${small.name}/latest/manifest.json`);
  });

  test('does so while a quarter of all requests go wrong, with at most three times as many (F13–F17)', async () => {
    const before = proxy.requests;
    proxy.decide = seeded(29, CHANCES);
    // Which request meets which fault depends on their order: once more where a kind has met none.
    const kinds = Object.keys(CHANCES).sort();
    do expect(await refresh(++hours)).toMatchObject({ outcome: 'published', generation: hours + 1 });
    while (proxy.fired.size < kinds.length && hours < MOST_REFRESHES);
    proxy.decide = () => undefined;
    expect([...proxy.fired.keys()].sort()).toEqual(kinds);
    expect(proxy.requests - before).toBeLessThanOrEqual(3 * calm * hours);
    expect(await readCurrent(store, small.name)).toMatchObject({ snapshot: { generation: hours + 1 }, warnings: [] });
  });

  test('waits for a store that is away, and goes on when it is back', async () => {
    const from = cluster.log.mark();
    const running = refresh(++hours);
    await cluster.log.until(
      ({ event, step }) => event === 'step_started' && step?.startsWith('features/') === true,
      'features begin',
      { from },
    );
    await proxy.away(true);
    await new Promise((resolve) => setTimeout(resolve, AWAY_MS));
    await proxy.away(false);
    expect(await running).toMatchObject({ outcome: 'published', generation: hours + 1 });
  });
});
