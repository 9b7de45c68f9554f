import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type Georefresh } from '../../client/index.js';
import { type Lake, openLake } from '../../lake/lake.js';
import { publishTables } from '../lake/support/publishing.js';
import { temporaryHome } from '../support/home.js';
import { writeSmallPipeline } from '../support/small-pipeline.js';
import { georefresh } from './cli/shells.js';

describe('georefresh query (S3.2)', () => {
  let home: string;
  let env: NodeJS.ProcessEnv;
  let lake: Lake;
  let client: Georefresh;
  beforeAll(async () => {
    home = await temporaryHome();
    const { pipelines } = await writeSmallPipeline(home, { name: 'demo' });
    env = { ...process.env, GEOREFRESH_HOME: home, GEOREFRESH_PIPELINES: pipelines };
    lake = await openLake({ home, scratchBytes: 1 << 28, memoryLimit: '512MB', threads: 2 });
    for (const minute of [1, 2])
      await publishTables(
        lake,
        { towns: `select i as town, 'T' || i as name, i / 4 + ${minute} as score from range(5) t(i)` },
        { minute },
      );
    client = await connect({ env });
  });
  afterAll(async () => {
    await client?.close();
    await lake?.close();
  });
  const cli = (...of: string[]) => georefresh(['query', 'demo', ...of], env);

  test('prints a table, and on stderr which snapshot it is of and whether there is more', async () => {
    const { code, out, err } = await cli('from towns order by town desc', '--limit', '2', '--as-of', '1');
    expect({ code, out }).toEqual({ code: 0, out: 'town  name  score\n   4  T4      2.0\n   3  T3     1.75\n' });
    expect(err).toContain('the first 2 rows; there are more');
    expect(err).toContain('generation 1, for 2026-01-01T00:01:00.000Z');
  });

  test('without SQL lists the tables', async () => {
    expect((await cli()).out).toBe('TABLE  ROWS\ntowns     5\n');
    expect(JSON.parse((await cli('--json')).out)).toMatchObject({
      generation: 2,
      tables: [{ name: 'towns', rows: 5 }],
    });
  });

  test('gives rows as CSV, JSON, JSON lines, or one object with all about them', async () => {
    const sql = 'select town, name from towns where town < 2';
    expect((await cli(sql, '--format', 'csv')).out).toBe('town,name\n0,T0\n1,T1\n');
    expect(JSON.parse((await cli(sql, '--format', 'json')).out)).toEqual([
      { town: 0, name: 'T0' },
      { town: 1, name: 'T1' },
    ]);
    expect((await cli(sql, '--format', 'jsonl')).out).toBe('{"town":0,"name":"T0"}\n{"town":1,"name":"T1"}\n');
    expect(JSON.parse((await cli(sql, '--json', '--limit', '1')).out)).toMatchObject({
      ...{ pipeline: 'demo', generation: 2, cut: true, rows: [{ town: 0, name: 'T0' }] },
      columns: [
        { name: 'town', type: 'BIGINT' },
        { name: 'name', type: 'VARCHAR' },
      ],
    });
  });

  test('writes all rows to a file of the form that its ending says, whole or not at all', async () => {
    const file = join(home, 'towns.parquet');
    const { code, out } = await cli('from towns', '--output', file);
    expect({ code, out }).toEqual({ code: 0, out: `${file}\n` });
    expect((await readFile(file)).subarray(0, 4).toString()).toBe('PAR1');
    await writeFile(join(home, 'old.csv'), 'old');
    expect(await cli('from towns where nope', '--output', join(home, 'old.csv'))).toMatchObject({ code: 2 });
    expect(await readFile(join(home, 'old.csv'), 'utf8')).toBe('old');
    expect(await cli('from towns', '--output', join(home, 'towns.xyz'))).toMatchObject({ code: 2, out: '' });
    expect(existsSync(join(home, 'towns.xyz'))).toBe(false);
  });

  test('takes the SQL from a file too, and says where it is wrong', async () => {
    const file = join(home, 'ask.sql');
    await writeFile(file, 'select town,\n       nmae\nfrom towns\n');
    const { code, err } = await cli('--file', file);
    expect(code).toBe(2);
    expect(err).toContain('error GR-1007');
    expect(err).toContain('query:2:8');
    expect(await cli('from town')).toMatchObject({ code: 6, err: expect.stringContaining('there are towns') });
    expect(await cli('from towns', '--as-of', '9')).toMatchObject({ code: 6, err: expect.stringContaining('GR-4010') });
    expect(await georefresh(['query', 'nope', 'select 1'], env)).toMatchObject({ code: 6 });
  });

  test('the client gives rows as objects', async () => {
    const { rows, cut, generation } = await client.query('demo', 'select town, score from towns', {
      limit: 1,
      asOf: '1',
    });
    expect({ rows, cut, generation }).toEqual({ rows: [{ town: 0, score: 1 }], cut: true, generation: 1 });
    await expect(client.query('demo', 'from nowhere')).rejects.toMatchObject({ code: 'GR-4012' });
    expect((await client.tables('demo', { asOf: '1' })).tables).toEqual([{ name: 'towns', rows: 5 }]);
  });

  test('what would steer a terminal is shown as blanks', async () => {
    const { out } = await cli("select 'a' || chr(27) || '[31m' || chr(10) || 'b' as text");
    expect(out).toBe('text\na [31m b\n');
  });
});
