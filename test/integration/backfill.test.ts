import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readPointer } from '../../lake/pointer.js';
import { georefresh } from '../client/cli/shells.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { temporaryFolder, temporaryHome } from '../support/home.js';
import { LEDGER, ledgerDefinition } from '../support/ledger.js';
import { needs } from '../support/needs.js';
import { isBeginOf } from '../support/steps.js';

const DAY = 86_400_000;
const day = (of: number): string => new Date(Date.UTC(2026, 0, 1) + of * DAY).toISOString();

needs('engine').describe('a backfill (S3.18)', () => {
  let cluster: Cluster;
  let inputs: string;
  let env: Record<string, string>;
  beforeAll(async () => {
    const folder = await temporaryFolder();
    const pipelines = join(folder, 'pipelines');
    inputs = join(folder, 'inputs');
    await mkdir(join(pipelines, LEDGER), { recursive: true });
    await mkdir(inputs);
    await writeFile(
      join(pipelines, LEDGER, 'pipeline.yaml'),
      JSON.stringify(ledgerDefinition({ snapshots: 30, days: 30 })),
    );
    await writeFile(join(inputs, 'entries.csv'), 'Id,Series,Amount\n1,a,5\n2,b,7\n');
    const home = await temporaryHome();
    env = { GEOREFRESH_PIPELINES: pipelines, GEOREFRESH_HOME: home };
    cluster = await startCluster({ home, workers: 1, env });
  });
  afterAll(() => cluster?.end());

  const pointer = async () => (await readPointer(cluster.client.store, LEDGER))?.pointer;
  const refresh = async (logicalTime: string) =>
    (await cluster.client.refresh({ pipeline: LEDGER, inputs, logicalTime })).result();
  const range = (from: number, to: number) => ({ pipeline: LEDGER, inputs, from: day(from), to: day(to), every: '1d' });

  test('fills the times before what is published, whose pointer stands, and queries read them', async () => {
    expect(await refresh(day(10))).toMatchObject({ outcome: 'published', generation: 1 });
    const before = await pointer();
    const backfill = await cluster.client.backfill(range(0, 3));
    expect(await backfill.result()).toMatchObject({ all: 4, done: 4, skipped: 0, failures: 0, now: null });
    expect(await pointer()).toEqual(before);
    const sum = async (asOf: string) => cluster.client.query(LEDGER, 'select sum(amount)::int s from booked', { asOf });
    expect(await sum(day(2))).toMatchObject({ generation: null, logicalTime: day(2), rows: [{ s: 12 }] });
    expect(await sum('current')).toMatchObject({ generation: 1, logicalTime: day(10) });
    const [, latest] = await cluster.client.runs(LEDGER);
    expect(latest).toMatchObject({ outcome: 'archived', trigger: 'backfill', logicalTime: day(3) });
  });

  test('the same range again finds what is finished; a longer one does the rest, and what is later moves the pointer on', async () => {
    expect(await (await cluster.client.backfill(range(0, 3))).result()).toMatchObject({ all: 4, done: 0, skipped: 4 });
    await writeFile(join(inputs, 'entries.csv'), 'Id,Series,Amount\n1,a,5\n2,b,8\n');
    expect(await (await cluster.client.backfill(range(3, 12))).result()).toMatchObject({
      all: 10,
      done: 8,
      skipped: 2,
    });
    expect(await pointer()).toMatchObject({ logicalTime: day(11) });
  });

  test('is cancelled by its name, and goes on where it stopped', async () => {
    const range_ = range(-60, -1);
    const from = cluster.log.mark();
    const backfill = await cluster.client.backfill(range_);
    await cluster.log.until(isBeginOf('publish/snapshot'), 'a run publishes', { from });
    await expect(cluster.client.backfill(range(-9, -1))).rejects.toMatchObject({ code: 'GR-3005' });
    const { code, out } = await georefresh(['cancel', `backfill:${LEDGER}`, '--json'], { ...process.env, ...env });
    expect({ code, out: JSON.parse(out) }).toEqual({ code: 0, out: { pipeline: LEDGER, outcome: 'cancelled' } });
    await expect(backfill.result()).rejects.toMatchObject({ code: 'GR-3006' });
    // A refresh was never in its way, and is not now.
    expect(await refresh(day(20))).toMatchObject({ outcome: expect.stringMatching(/published|unchanged/) });
    const again = await (await cluster.client.backfill({ ...range_, to: day(-50), every: '5d' })).result();
    expect(again).toMatchObject({ all: 3, failures: 0 });
    expect(again.done + again.skipped).toBe(3);
  });

  test('times that fail are told, and three in a row end it', async () => {
    await writeFile(join(inputs, 'entries.csv'), 'Id,Series\n');
    const end = (await cluster.client.backfill(range(-300, -290))).result();
    await expect(end).rejects.toMatchObject({ code: expect.stringMatching(/^GR-2/) });
  });

  test('the command follows it to its end', async () => {
    await writeFile(join(inputs, 'entries.csv'), 'Id,Series,Amount\n1,a,5\n');
    const args = [
      'backfill',
      LEDGER,
      '--inputs',
      inputs,
      '--from',
      '2024-01-31',
      '--to',
      '2024-03-31',
      '--every',
      'month',
    ];
    const { code, out } = await georefresh([...args, '--json'], { ...process.env, ...env });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ pipeline: LEDGER, all: 3, done: 3, failures: 0 });
    const wrong = await georefresh([...args.slice(0, -1), 'fortnight'], { ...process.env, ...env });
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('GR-1001') });
  });
});
