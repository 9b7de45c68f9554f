import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeOf } from '../../config/errors.js';
import { readCurrent } from '../../lake/current.js';
import { examineLake } from '../../lake/fsck.js';
import { sha256Of } from '../../lake/hashing.js';
import { Scratch } from '../../lake/scratch.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { temporaryFolder, temporaryHome } from '../support/home.js';
import { ledgerDefinition, LEDGER as PIPELINE } from '../support/ledger.js';
import { needs } from '../support/needs.js';

/** Refreshes pause so often until one more collection had its turn, which it gets by asking again: by chance, when. */
const COLLECTIONS = 2;
const REFRESHES_EACH = 4;
/** A collection asks at least every ten seconds. */
const TURN_MS = 60_000;
const GARBAGE = 20_000;
/** S2.17: an interrupted collection ends within seconds. */
const ENDS_MS = 15_000;

needs('engine').describe('a collection on a real engine (S2.17, S3.18)', () => {
  let home: string;
  let inputs: string;
  let env: Record<string, string>;
  let cluster: Cluster;
  let minute = 0;
  beforeAll(async () => {
    const folder = await temporaryFolder();
    const pipelines = join(folder, 'pipelines');
    inputs = join(folder, 'inputs');
    await mkdir(join(pipelines, PIPELINE), { recursive: true });
    await mkdir(inputs);
    const definition = ledgerDefinition({ snapshots: 2, days: 0, resultDays: 0 });
    // JSON is YAML.
    await writeFile(join(pipelines, PIPELINE, 'pipeline.yaml'), JSON.stringify(definition));
    home = await temporaryHome();
    env = { GEOREFRESH_PIPELINES: pipelines };
    cluster = await startCluster({ home, workers: 1, env });
  });
  afterAll(() => cluster?.end());

  /** A refresh of one of three contents, so that bytes come back that were collected before. */
  const refresh = async (): Promise<{ outcome: string; generation: number | null }> => {
    const number = minute++;
    const amounts = Array.from({ length: 60 }, (_, id) => `${id},s${id % 4},${id % 4 === 0 ? number % 3 : 1}`);
    await writeFile(join(inputs, 'entries.csv'), `Id,Series,Amount\n${amounts.join('\n')}\n`);
    const logicalTime = new Date(Date.UTC(2026, 0, 1, 0, number)).toISOString();
    return (await cluster.client.refresh({ pipeline: PIPELINE, inputs, logicalTime })).result();
  };

  const examined = async () => {
    const { store } = cluster.client;
    const scratch = await Scratch.open({ store, root: join(home, 'scratch'), bytes: 1 << 28 });
    return examineLake({ store, scratch }, PIPELINE).finally(() => scratch.close());
  };

  test('beside refreshes and rollbacks loses nothing that anybody was told of, and ends when it has its turn (P2–P5)', async () => {
    expect(await refresh()).toMatchObject({ outcome: 'published', generation: 1 });
    let busy = true;
    const told: (number | null)[] = [];
    const wrong: string[] = [];
    let collected = 0;
    const refreshing = async (): Promise<void> => {
      for (let i = 1; i <= COLLECTIONS * REFRESHES_EACH; i++) {
        const { outcome, generation } = await refresh();
        if (outcome === 'published') told.push(generation);
        else if (outcome !== 'held' && outcome !== 'unchanged') wrong.push(outcome);
        if (i % REFRESHES_EACH !== 0) continue;
        const wanted = i / REFRESHES_EACH;
        await expect.poll(() => collected, { timeout: TURN_MS }).toBeGreaterThanOrEqual(wanted);
      }
    };
    const goingBack = async (): Promise<void> => {
      for (; busy; await sleep(1500))
        try {
          const { generation } = await cluster.client.rollback({ pipeline: PIPELINE });
          told.push(generation);
          await cluster.client.release(PIPELINE);
        } catch (error) {
          // Overtaken by a publication or a collection, or nothing is left to go back to.
          if (!['GR-7001', 'GR-4009', 'GR-4004', 'GR-4005'].includes(codeOf(error))) wrong.push(String(error));
        }
    };
    const collecting = async (): Promise<void> => {
      for (; busy; collected++) await cluster.client.collect({ pipeline: PIPELINE });
    };
    const ended = refreshing().finally(() => {
      busy = false;
    });
    await Promise.all([ended, goingBack(), collecting()]);
    const { pointer, warnings } = (await readCurrent(cluster.client.store, PIPELINE)) ?? {};
    expect({ wrong, warnings }).toEqual({ wrong: [], warnings: [] });
    expect(new Set(told).size).toBe(told.length);
    expect(pointer?.generation).toBe(Math.max(...told.map(Number)));
    expect(collected).toBeGreaterThanOrEqual(COLLECTIONS);
    expect(await examined()).toMatchObject({ generation: pointer?.generation, faults: [] });
  }, 300_000);

  test('that is interrupted ends within seconds, has deleted nothing reachable, and the next one goes on', async () => {
    const garbage = Array.from({ length: GARBAGE }, (_, i) => {
      const sha256 = sha256Of(`nobody names ${i}`);
      return join(home, 'lake', PIPELINE, 'features', sha256.slice(0, 2), `${sha256}.parquet`);
    }).sort();
    for (const path of garbage) {
      await mkdir(join(path, '..'), { recursive: true });
      await writeFile(path, '');
    }
    const left = (): number => garbage.filter((path) => existsSync(path)).length;
    const gc = () => {
      const args = [join(import.meta.dirname, '../../dist/client/cli/main.js'), 'gc', PIPELINE, '--delete', '--json'];
      const command = spawn(process.execPath, args, { env: { ...process.env, ...env, GEOREFRESH_HOME: home } });
      let said = '';
      command.stderr.on('data', (text: Buffer) => {
        said += text.toString('utf8');
      });
      return { command, ended: once(command, 'exit').then(([code]) => ({ code, said: () => said })) };
    };
    const first = gc();
    await expect.poll(() => existsSync(garbage[0] ?? ''), { timeout: 60_000, interval: 5 }).toBe(false);
    const interrupted = performance.now();
    first.command.kill('SIGINT');
    const { code, said } = await first.ended;
    const seconds = (performance.now() - interrupted) / 1000;
    expect(said()).toContain('GR-3006');
    expect(code).toBe(130);
    expect(seconds * 1000).toBeLessThan(ENDS_MS);
    const remain = left();
    expect(remain).toBeGreaterThan(0);
    process.stdout.write(`\nCtrl-C ended gc after ${seconds.toFixed(1)} s, with ${remain} of ${GARBAGE} left\n`);
    expect((await examined()).faults).toEqual([]);
    expect((await readCurrent(cluster.client.store, PIPELINE))?.warnings).toEqual([]);
    // It has given the turn back, and deletes no more.
    expect(await refresh()).toMatchObject({ outcome: 'published' });
    expect(left()).toBe(remain);
    expect(await gc().ended).toMatchObject({ code: 0 });
    expect(left()).toBe(0);
    expect((await examined()).faults).toEqual([]);
  });
});
