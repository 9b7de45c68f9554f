import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type Georefresh } from '../../client/index.js';
import { type Lake, openLake } from '../../lake/lake.js';
import { publishTables } from '../lake/support/publishing.js';
import { temporaryHome } from '../support/home.js';
import { needs } from '../support/needs.js';
import { startObjectServer, TEST_KEYS } from '../support/object-server.js';
import { writeSmallPipeline } from '../support/small-pipeline.js';
import { georefresh } from './cli/shells.js';

/** What another program sees that opens the file: DuckDB as it comes, reading only. */
async function opened(file: string, sql: string): Promise<unknown[]> {
  const instance = await DuckDBInstance.create(file, { access_mode: 'READ_ONLY' });
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRowObjectsJson();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

const publishTwice = async (lake: Lake): Promise<void> => {
  for (const minute of [1, 2])
    await publishTables(
      lake,
      { towns: `select i as town, ${minute} as made from range(5) t(i)`, other: 'select 1 as one' },
      { minute },
    );
};

describe('georefresh views (S3.2)', () => {
  let home: string;
  let env: NodeJS.ProcessEnv;
  let client: Georefresh;
  beforeAll(async () => {
    home = await temporaryHome();
    const { pipelines } = await writeSmallPipeline(home, { name: 'demo' });
    env = { ...process.env, GEOREFRESH_HOME: home, GEOREFRESH_PIPELINES: pipelines };
    const lake = await openLake({ home, scratchBytes: 1 << 28, memoryLimit: '512MB', threads: 2 });
    await publishTwice(lake).finally(() => lake.close());
    client = await connect({ env });
  });
  afterAll(() => client?.close());

  test('writes a file that any DuckDB opens, with a view for each table of one snapshot', async () => {
    const file = join(home, 'demo.duckdb');
    const { code, out, err } = await georefresh(['views', 'demo', '--output', file], env);
    expect({ code, out }).toEqual({ code: 0, out: `${file}\n` });
    expect(err).toContain('2 views of generation 2');
    expect(await opened(file, 'select made, count(*)::int as n from towns group by made')).toEqual([{ made: 2, n: 5 }]);
    expect(await opened(file, 'select pipeline, generation::int as generation from georefresh_snapshot')).toEqual([
      { pipeline: 'demo', generation: 2 },
    ]);
    expect(await opened(file, "select table_type from information_schema.tables where table_name = 'towns'")).toEqual([
      { table_type: 'VIEW' },
    ]);
  });

  test('replaces an older one, also by another snapshot, and nothing else that stands there', async () => {
    const file = join(home, 'again.duckdb');
    await client.views({ pipeline: 'demo', output: file });
    expect(await client.views({ pipeline: 'demo', output: file, asOf: '1' })).toMatchObject({
      generation: 1,
      copied: false,
    });
    expect(await opened(file, 'select distinct made from towns')).toEqual([{ made: 1 }]);
    await writeFile(join(home, 'letter.txt'), 'dear reader, this is no database');
    await expect(client.views({ pipeline: 'demo', output: join(home, 'letter.txt') })).rejects.toMatchObject({
      code: 'GR-1001',
    });
    await expect(client.views({ pipeline: 'demo', output: file, asOf: '9' })).rejects.toMatchObject({
      code: 'GR-4010',
    });
  });

  test('with --copy the rows are in the file, which needs the lake no more', async () => {
    const file = join(home, 'copy.duckdb');
    expect(await client.views({ pipeline: 'demo', output: file, copy: true })).toMatchObject({ copied: true });
    expect(await opened(file, "select count(*)::int as n from duckdb_tables() where table_name = 'towns'")).toEqual([
      { n: 1 },
    ]);
    expect(await opened(file, 'select sum(town)::int as s from towns')).toEqual([{ s: 10 }]);
  });

  test("Python's duckdb opens it too, where there is one", async (context) => {
    const run = promisify(execFile);
    const python = await run('python3', ['-c', 'import duckdb']).catch(() => undefined);
    if (python === undefined) context.skip('no Python with duckdb');
    const file = join(home, 'python.duckdb');
    await client.views({ pipeline: 'demo', output: file });
    const code =
      "import duckdb, sys; print(duckdb.connect(sys.argv[1], read_only=True).execute('select count(*) from towns').fetchone()[0])";
    expect((await run('python3', ['-c', code, file])).stdout.trim()).toBe('5');
  });
});

needs('store').describe('views of a bucket', () => {
  test('are tables with all rows', async () => {
    Object.assign(process.env, TEST_KEYS);
    const root = await mkdtemp(join(tmpdir(), 'georefresh-s3-'));
    const server = await startObjectServer(root);
    const home = await temporaryHome();
    const { pipelines } = await writeSmallPipeline(home, { name: 'demo' });
    const env = {
      ...{ ...process.env, GEOREFRESH_HOME: home, GEOREFRESH_PIPELINES: pipelines },
      ...{ GEOREFRESH_STORE: `s3://${server.bucket}/lake`, GEOREFRESH_STORE_ENDPOINT: server.endpoint },
    };
    const client = await connect({ env });
    try {
      const { store } = client;
      const lake = await openLake({ home, store, scratchBytes: 1 << 28, memoryLimit: '512MB', threads: 2 });
      await publishTwice(lake).finally(() => lake.close());
      const file = join(home, 'demo.duckdb');
      expect(await client.views({ pipeline: 'demo', output: file })).toMatchObject({ generation: 2, copied: true });
      expect(await opened(file, 'select distinct made from towns')).toEqual([{ made: 2 }]);
    } finally {
      await client.close();
      await server.stop();
      await rm(root, { recursive: true, force: true });
    }
  });
});
