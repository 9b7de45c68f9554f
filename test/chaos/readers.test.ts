import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { codeOf } from '../../config/errors.js';
import { Random } from '../../config/samples.js';
import { examineLake } from '../../lake/fsck.js';
import { Scratch } from '../../lake/scratch.js';
import { startCluster } from '../support/cluster.js';
import { temporaryFolder, temporaryHome } from '../support/home.js';
import { ledgerDefinition, LEDGER as PIPELINE } from '../support/ledger.js';
import { needs } from '../support/needs.js';

const SERIES = 6;
const ROWS = 40;
const PUBLISHES = 50;
const ROLLBACKS_AFTER = [12, 27, 41];
const COLLECTS_AFTER = [20, 45];
/** Amounts by series; each publication rewrites those of one series, so that the sum of all tells which it is. */
class Ledger {
  readonly #amounts = Array.from({ length: SERIES }, () => 1);

  rewrite(series: number, amount: number): void {
    this.#amounts[series] = amount;
  }

  get sum(): number {
    return this.#amounts.reduce((sum, amount) => sum + amount * ROWS, 0);
  }

  csv(): string {
    const lines = this.#amounts.flatMap((amount, series) =>
      Array.from({ length: ROWS }, (_, i) => `${series * ROWS + i},s${series},${amount}`),
    );
    return `Id,Series,Amount\n${lines.join('\n')}\n`;
  }
}

needs('engine').describe('a reader who asks all the time', () => {
  test(`sees one whole generation each time, through ${PUBLISHES} publications, three rollbacks and two collections (S3.2, S2.23)`, {
    timeout: 900_000,
  }, async () => {
    const folder = await temporaryFolder();
    const [pipelines, inputs] = [join(folder, 'pipelines'), join(folder, 'inputs')];
    await mkdir(join(pipelines, PIPELINE), { recursive: true });
    await mkdir(inputs);
    // JSON is YAML.
    await writeFile(
      join(pipelines, PIPELINE, 'pipeline.yaml'),
      JSON.stringify(ledgerDefinition({ snapshots: 12, days: 0 })),
    );
    const home = await temporaryHome();
    const cluster = await startCluster({ home, workers: 1, env: { GEOREFRESH_PIPELINES: pipelines } });
    const { client } = cluster;

    const ledger = new Ledger();
    /** What each generation adds up to. */
    const sums = new Map<number, number>();
    /** When each generation stood for the time: its logical time. */
    const times: string[] = [];
    let published = 0;
    let current = 0;
    const publish = async (): Promise<void> => {
      ledger.rewrite(published % SERIES, 1000 + published * 7);
      await writeFile(join(inputs, 'entries.csv'), ledger.csv());
      const logicalTime = new Date(Date.UTC(2026, 0, 1, 0, published++)).toISOString();
      // Told before, since the reader may see it before the refresh has told us.
      sums.set(current + 1, ledger.sum);
      const refresh = await client.refresh({ pipeline: PIPELINE, inputs, logicalTime });
      expect(await refresh.result()).toMatchObject({ outcome: 'published', generation: ++current });
      times.push(logicalTime);
    };
    const goBack = async (): Promise<void> => {
      const to = current - 2;
      sums.set(current + 1, sums.get(to) ?? -1);
      expect((await client.rollback({ pipeline: PIPELINE, to })).generation).toBe(++current);
      await client.release(PIPELINE);
    };

    const sql = `select (select sum(amount)::bigint from booked) as sum, (select sum(doubled)::bigint from booked) as twice,
      (select sum(total)::bigint from totals) as totals, (select count(*) from booked) as rows`;
    const random = new Random(11, 'reader');
    const seen = new Map<number, number>();
    const wrong: string[] = [];
    let reading = true;
    let refused = 0;
    const look = async (): Promise<void> => {
      const asked = random.next();
      const time = times[Math.floor(random.next() * times.length)];
      const asOf =
        asked < 0.5 ? 'current' : asked < 0.8 ? String(1 + Math.floor(random.next() * current)) : (time ?? 'current');
      try {
        const { generation: made, rows } = await client.query(PIPELINE, sql, { asOf });
        const generation = made ?? -1;
        const sum = sums.get(generation);
        const whole = JSON.stringify({ sum, twice: (sum ?? 0) * 2, totals: sum, rows: SERIES * ROWS });
        if (JSON.stringify(rows[0]) !== whole) wrong.push(`${asOf}: ${generation} is ${JSON.stringify(rows[0])}`);
        seen.set(generation, (seen.get(generation) ?? 0) + 1);
      } catch (error) {
        // A generation that was collected is told so; nothing else may go wrong.
        if (codeOf(error) === 'GR-4010' && asOf !== 'current') refused++;
        else wrong.push(`${asOf}: ${String(error)}`);
      }
    };
    try {
      await publish();
      const readers = Array.from({ length: 2 }, async () => {
        while (reading) await look();
      });
      try {
        while (published < PUBLISHES) {
          await publish();
          if (ROLLBACKS_AFTER.includes(published)) await goBack();
          if (COLLECTS_AFTER.includes(published)) await client.collect({ pipeline: PIPELINE });
        }
      } finally {
        reading = false;
        await Promise.all(readers);
      }
      expect(wrong).toEqual([]);
      expect(current).toBe(PUBLISHES + ROLLBACKS_AFTER.length);
      expect(seen.size).toBeGreaterThan(PUBLISHES / 2);
      expect(refused).toBeGreaterThan(0);
    } finally {
      await cluster.end();
    }
    const { generation } = await client.tables(PIPELINE, { asOf: times.at(-1) ?? '' });
    expect(generation).toBe(current);
    const { store } = client;
    const scratch = await Scratch.open({ store, root: join(home, 'scratch'), bytes: 1 << 28 });
    expect((await examineLake({ store, scratch }, PIPELINE).finally(() => scratch.close())).faults).toEqual([]);
  });
});
