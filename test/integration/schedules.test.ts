import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { clientOf, type Georefresh } from '../../client/index.js';
import { loadSettings } from '../../config/settings.js';
import { georefresh } from '../client/cli/shells.js';
import { startServer, type TestServer } from '../support/engine.js';
import { fakeRun } from '../support/fake-run.js';
import { temporaryHome } from '../support/home.js';
import { needs } from '../support/needs.js';
import { openBench } from '../support/run-plan.js';
import { type SmallDefinition, smallFiles, writeSmallPipeline } from '../support/small-pipeline.js';

const NAME = 'shops-next';
const WEEK = 7 * 86_400_000;

needs('engine').describe('schedules on a real engine', () => {
  let home: string;
  let env: NodeJS.ProcessEnv;
  let server: TestServer;
  let client: Georefresh;
  beforeAll(async () => {
    home = await temporaryHome();
    server = await startServer(home);
    await define({ cron: '0 2 * * 0' });
    env = { GEOREFRESH_HOME: home, GEOREFRESH_PIPELINES: join(home, 'pipelines'), PATH: '' };
    const connection = server.client.connection as Connection;
    client = await clientOf(loadSettings(env), () =>
      Promise.resolve({ client: server.client, connection, address: 'here', namespace: 'default' }),
    );
  });
  afterEach(async () => {
    await client.schedules.remove(NAME).catch(() => undefined);
    await define({ cron: '0 2 * * 0' });
  });
  afterAll(() => server?.close());

  /** Writes the definition with another schedule, or with none. */
  const define = async (schedule: object | undefined): Promise<void> => {
    const change = (definition: SmallDefinition): void => void Object.assign(definition, schedule && { schedule });
    await writeSmallPipeline(home, { name: NAME, change });
  };
  const runsOf = async (count: number, concluded: unknown[]): Promise<void> => {
    for (const end = Date.now() + 30_000; concluded.length < count; await sleep(25))
      if (Date.now() > end) throw new Error(`not ${count} runs within 30 s`);
  };
  const cli = (...args: string[]) => georefresh([...args, '--json'], env);

  test('of the definition is applied once, listed, and next in status: Sunday 02:00 (S2.18, S2.21)', async () => {
    expect(await client.schedules.list()).toMatchObject([{ pipeline: NAME, state: 'not applied', next: [] }]);
    const [created] = await client.schedules.apply();
    expect(created).toMatchObject({
      ...{ pipeline: NAME, change: 'created', state: 'applied', cron: '0 2 * * 0', timezone: 'UTC' },
      ...{ paused: false, catchup: WEEK, last: null },
    });
    expect(await client.schedules.apply(NAME)).toMatchObject([{ change: 'none' }]);
    const next = new Date(created?.next[0] ?? '');
    expect([next.getUTCDay(), next.toISOString().slice(11)]).toEqual([0, '02:00:00.000Z']);
    const { pipelines } = await client.status(NAME);
    expect(pipelines).toMatchObject([{ next_scheduled_run: next.toISOString(), last_run: null }]);
    const { policies } = await server.client.schedule.getHandle(`refresh:${NAME}`).describe();
    expect(policies).toMatchObject({ overlap: 'BUFFER_ONE', catchupWindow: WEEK });
  });

  test('is changed and paused in one update, and a pause by hand outlives the next apply', async () => {
    await client.schedules.apply();
    await define({ cron: '30 6 * * 1-5', timezone: 'Europe/Oslo', jitter: '1m' });
    expect(await client.schedules.list(NAME)).toMatchObject([{ state: 'differs', cron: '0 2 * * 0' }]);
    const { out } = await cli('schedule', 'apply', NAME, '--pause');
    expect(JSON.parse(out)).toMatchObject({
      ...{ change: 'updated', state: 'applied', cron: '30 6 * * 1-5', timezone: 'Europe/Oslo', jitter: 60_000 },
      ...{ paused: true, next: [], catchup: 3 * 86_400_000 },
    });
    expect((await client.status(NAME)).pipelines[0]?.next_scheduled_run).toBeNull();
    await define({ cron: '0 3 * * *' });
    expect(await client.schedules.apply()).toMatchObject([{ change: 'updated', cron: '0 3 * * *', paused: true }]);
    await cli('schedule', 'resume', NAME);
    await define({ cron: '0 3 * * *', paused: true });
    expect(await client.schedules.list(NAME)).toMatchObject([{ state: 'differs', paused: false }]);
    expect(await client.schedules.apply()).toMatchObject([{ state: 'applied', paused: true }]);
  });

  test('starts a refresh for the time it was due, by schedule, also when triggered (S3.8)', async () => {
    await client.schedules.apply();
    const fake = fakeRun([{ id: 'ingest/a' }]);
    await server.withWorkers(fake.activities, async () => {
      const handle = server.client.schedule.getHandle(`refresh:${NAME}`);
      const [start, end] = [new Date('2026-02-01T01:00:00Z'), new Date('2026-02-09T00:00:00Z')];
      await handle.backfill({ start, end, overlap: 'BUFFER_ALL' });
      await runsOf(2, fake.concluded);
      const began = Date.now();
      await client.schedules.trigger(NAME);
      await runsOf(3, fake.concluded);
      const headers = fake.concluded.map(({ header }) => header);
      expect(headers.map(({ trigger }) => trigger)).toEqual(['schedule', 'schedule', 'schedule']);
      expect(headers.map(({ logicalTime }) => logicalTime).slice(0, 2)).toEqual([
        '2026-02-01T02:00:00.000Z',
        '2026-02-08T02:00:00.000Z',
      ]);
      expect(Date.parse(headers[2]?.logicalTime ?? '')).toBeGreaterThan(began - 5_000);
      expect((await client.schedules.list(NAME))[0]?.last?.run).toBe(headers[2]?.run);
    });
  });

  test('that is not there is told so, one that is no longer defined can be removed, and each fault has its exit', async () => {
    for (const action of ['pause', 'resume', 'trigger', 'remove']) {
      const { code, out } = await cli('schedule', action, NAME);
      expect({ code, error: JSON.parse(out).error.code }).toEqual({ code: 6, error: 'GR-4008' });
    }
    await client.schedules.apply();
    await cli('schedule', 'pause', NAME, '--note', 'mending');
    await define(undefined);
    expect(await client.schedules.list(NAME)).toMatchObject([{ state: 'not defined', paused: true, note: 'mending' }]);
    expect(await client.schedules.apply()).toEqual([]);
    await expect(client.schedules.apply(NAME)).rejects.toMatchObject({ code: 'GR-4008' });
    expect((await cli('schedule', 'remove', NAME)).code).toBe(0);
    expect(await client.schedules.list(NAME)).toEqual([]);
    expect((await cli('schedule', 'aply')).code).toBe(2);
    const away = await georefresh(['schedule', 'list', '--json'], { ...env, GEOREFRESH_HOME: await temporaryHome() });
    expect({ code: away.code, error: JSON.parse(away.out).error.code }).toEqual({ code: 5, error: 'GR-5001' });
  });

  test('finds a pipeline held after a rollback: refreshes end as held until it is released', async () => {
    const bench = await openBench({ home, pipelines: [join(home, 'pipelines')] });
    const inputs = join(home, 'inputs');
    const shops = join(inputs, 'shops.csv');
    const latest = (): Promise<string> => readFile(join(home, 'outputs', NAME, 'latest', 'blocks_out.csv'), 'utf8');
    const outcomeOf = async (): Promise<unknown> => {
      const [before] = await client.runs(NAME, { limit: 1 });
      await client.schedules.trigger(NAME);
      for (const end = Date.now() + 60_000; Date.now() < end; await sleep(50)) {
        const [last] = await client.runs(NAME, { limit: 1 });
        if (last !== undefined && last.run !== before?.run) return [last.trigger, last.outcome];
      }
      throw new Error('no run within 60 s');
    };
    try {
      await server.withWorkers(bench.activities, async () => {
        const refresh = async () => (await client.refresh({ pipeline: NAME })).result();
        await client.schedules.apply();
        expect(await refresh()).toMatchObject({ outcome: 'published', generation: 1 });
        const good = await latest();
        const lines = (smallFiles()['shops.csv'] ?? '').trimEnd().split('\n');
        await writeFile(shops, `${lines.slice(0, 300).join('\n')}\n`);
        expect(await outcomeOf()).toEqual(['schedule', 'published']);
        expect(await latest()).not.toBe(good);

        const back = JSON.parse((await cli('rollback', NAME, '--reason', 'shops are missing')).out);
        expect(back).toMatchObject({ from: 2, to: 1, generation: 3, hold: { reason: 'shops are missing' } });
        expect(await latest()).toBe(good);
        expect(await outcomeOf()).toEqual(['schedule', 'held']);
        // Before any stage: nothing is made that could not be published.
        expect(await refresh()).toMatchObject({ outcome: 'held', stages: {} });
        const training = await (await client.refresh({ pipeline: NAME, only: ['train'] })).result();
        expect(training.outcome).toBe('unchanged');
        expect(await latest()).toBe(good);
        const status = await georefresh(['status', NAME], env);
        expect(status.out).toContain('held at generation 3, content of 1');
        expect(status.out).toMatch(/shops-next is held by .+ since .+: shops are missing/);

        expect(JSON.parse((await cli('release', NAME)).out)).toMatchObject({
          released: { reason: 'shops are missing' },
        });
        expect(JSON.parse((await cli('release', NAME)).out)).toEqual({ pipeline: NAME, released: null });
        expect(await outcomeOf()).toEqual(['schedule', 'published']);
        expect(await latest()).not.toBe(good);
      });
    } finally {
      await bench.close();
    }
  });
});
