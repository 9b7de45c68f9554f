import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../support/cluster.js';
import { temporaryFolder, temporaryHome } from '../support/home.js';
import { needs } from '../support/needs.js';
import { type PostgresServer, startPostgres, TEST_PASSWORD } from '../support/postgres.js';
import { type SmallPipeline, writeSmallPipeline } from '../support/small-pipeline.js';
import { faultsOf } from '../support/snapshots.js';

const WAIT_MS = 60_000;

needs('engine', 'postgres').describe('outputs that go to PostgreSQL (S3.13)', () => {
  let server: PostgresServer;
  let small: SmallPipeline;
  let home: string;
  let cluster: Cluster;
  beforeAll(async () => {
    server = await startPostgres();
    small = await writeSmallPipeline(await temporaryFolder(), {
      change: ({ outputs }) => {
        outputs.blocks_out = { ...outputs.blocks_out, to: 'postgres' };
        outputs.regions_out = { ...outputs.regions_out, to: { postgres: 'by_region' } };
      },
    });
    home = await temporaryHome();
    cluster = await startCluster({
      home,
      workers: 1,
      env: { GEOREFRESH_PIPELINES: small.pipelines, GEOREFRESH_POSTGRES_URL: server.url },
    });
  });
  afterAll(async () => {
    await cluster?.end();
    await server?.close();
  });

  const published = async (cut: number) => {
    const request = { pipeline: small.name, inputs: small.inputs, overrides: { cut } };
    return (await (await cluster.client.refresh(request)).result()).generation;
  };
  /** Waits until the register of the database names a generation. */
  const arrived = async (generation: number): Promise<void> => {
    const sql = `select max(generation)::int as newest from georefresh_generations where pipeline = '${small.name}'`;
    for (const until = Date.now() + WAIT_MS; ; await sleep(100)) {
      const rows = await server.rows<{ newest: number }>(sql).catch(() => []);
      if (rows[0]?.newest === generation) return;
      if (Date.now() > until) throw new Error(`generation ${generation} never came, but ${rows[0]?.newest}`);
    }
  };
  const scoreOf = async (asOf: string) => {
    const sql = 'select count(*)::int n, round(sum(score), 6)::varchar total from blocks_out';
    return (await cluster.client.query(small.name, sql, { asOf })).rows[0];
  };
  const there = async () =>
    (
      await server.rows(
        'select count(*)::int n, round(sum(score)::numeric, 6)::double precision::text total from blocks_out',
      )
    )[0];
  const delivered = async () => (await cluster.client.status(small.name)).pipelines[0]?.delivered;

  test('each publication arrives by itself, and status says so', async () => {
    expect(await published(250)).toBe(1);
    await arrived(1);
    expect(Number((await there())?.total)).toBeCloseTo(Number((await scoreOf('1'))?.total), 4);
    expect(await server.rows('select count(*)::int n from by_region')).toEqual([{ n: 4 }]);
    expect(await cluster.client.deliver({ pipeline: small.name })).toMatchObject({ state: 'stands', generation: 1 });
    expect(await delivered()).toMatchObject({
      generation: 1,
      tables: [{ output: 'blocks_out' }, { table: 'by_region' }],
    });
  });

  test('a database that is away neither stops nor tears a publication, and gets the newest when it is back', async () => {
    await server.stop('SIGQUIT');
    expect(await published(251)).toBe(2);
    expect(await published(252)).toBe(3);
    expect(await delivered()).toMatchObject({ generation: 1 });
    await server.start();
    await arrived(3);
    expect(Number((await there())?.total)).toBeCloseTo(Number((await scoreOf('3'))?.total), 4);
    expect(await faultsOf(home, small.name)).toEqual([]);
  });

  test('a rollback arrives as a new generation with the old content (S2.23)', async () => {
    expect(await cluster.client.rollback({ pipeline: small.name, to: 1 })).toMatchObject({
      generation: 4,
      delivery: 'asked',
    });
    await arrived(4);
    expect(Number((await there())?.total)).toBeCloseTo(Number((await scoreOf('1'))?.total), 4);
    await cluster.client.release(small.name);
  });

  test('the address stands in no log, history, manifest or state', async () => {
    const log = await readFile(join(home, 'logs', 'pipeline.log'), 'utf8');
    expect(log).toContain('"step":"deliver"');
    const files = await readdir(home, { recursive: true, withFileTypes: true });
    for (const file of files.filter((one) => one.isFile())) {
      const text = await readFile(join(file.parentPath, file.name), 'latin1').catch(() => '');
      expect(text.includes(TEST_PASSWORD), `${file.parentPath}/${file.name}`).toBe(false);
      expect(text.includes(`127.0.0.1:${server.port}`), `${file.parentPath}/${file.name}`).toBe(false);
    }
  });
});
