import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/activity';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Activities } from '../../activities/index.js';
import type { BackfillRange, DeliverInput, DeliverSummary } from '../../activities/types.js';
import { backfillOf, startBackfill } from '../../client/backfills.js';
import { askForDelivery } from '../../client/deliveries.js';
import { startRefresh } from '../../client/refreshes.js';
import { backfillWorkflowId, deliverWorkflowId } from '../../workflows/messages.js';
import { startServer, type TestServer } from '../support/engine.js';
import { type FakeRun, fakeRun } from '../support/fake-run.js';
import { recordHistory } from '../support/histories.js';
import { temporaryHome } from '../support/home.js';
import { needs } from '../support/needs.js';

const HOUR = 3_600_000;
const PAGE = 3;

/** Hours of a day as the activity would give them, in pages. */
function pages({ after }: BackfillRange, all: number) {
  const first = after === undefined ? 0 : Date.parse(after) / HOUR + 1;
  const hours = Array.from({ length: Math.min(PAGE, all - first) }, (_, i) => first + i);
  const times = hours.map((hour) => new Date(hour * HOUR).toISOString());
  const last = times.at(-1);
  return { all, times, skipped: 0, after: last !== undefined && first + PAGE < all ? last : null };
}

const withPages = (fake: FakeRun, all: number): Activities => ({
  ...fake.activities,
  pendingTimes: async (range) => pages(range, all),
});

const until = async (done: () => boolean): Promise<void> => {
  for (const end = Date.now() + 20_000; !done(); await sleep(20)) if (Date.now() > end) throw new Error('not in 20 s');
};

needs('engine').describe('what goes on beside refreshes', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(await temporaryHome());
  });
  afterAll(() => server?.close());

  const request = (pipeline: string) => ({
    ...{ pipeline, every: '1h' },
    ...{ from: '1970-01-01T00:00:00.000Z', to: '1970-01-01T23:00:00.000Z' },
  });

  test('a long backfill continues as new, with its counts, one time after the other', async () => {
    const fake = fakeRun([{ id: 'ingest/a' }]);
    await server.withWorkers(withPages(fake, 2 * PAGE + 1), async () => {
      const backfill = await startBackfill(server.client, request('long'));
      const { runId } = await server.client.workflow.getHandle(backfillWorkflowId('long')).describe();
      expect(await backfill.result()).toMatchObject({ all: 7, done: 7, failures: 0, now: null });
      const times = fake.concluded.map(({ header }) => Date.parse(header.logicalTime) / HOUR);
      expect(times).toEqual([0, 1, 2, 3, 4, 5, 6]);
      expect(fake.concluded.every(({ header }) => header.trigger === 'backfill')).toBe(true);
      await recordHistory(server, backfillWorkflowId('long'), 'backfill-continued', runId);
      await recordHistory(server, backfillWorkflowId('long'), 'backfill-completed');
    });
  });

  test('a refresh of the pipeline does not wait for a backfill, and has its turn to itself', async () => {
    const fake = fakeRun([{ id: 'ingest/a', attempts: ['slow'] }]);
    await server.withWorkers(withPages(fake, 20), async () => {
      const backfill = await startBackfill(server.client, request('both'));
      await until(() => fake.concluded.length > 0);
      const refresh = await startRefresh(server.client, { pipeline: 'both', waitAtMost: 0 });
      expect(await refresh.result()).toMatchObject({ outcome: 'unchanged', trigger: 'operator' });
      expect((await backfill.progress())?.now).not.toBeNull();
      // The same range again is the same backfill; another one is refused.
      expect((await startBackfill(server.client, request('both'))).pipeline).toBe('both');
      const other = startBackfill(server.client, { ...request('both'), every: '2h' });
      await expect(other).rejects.toMatchObject({ code: 'GR-3005', message: expect.stringContaining('each 1h') });
      await backfill.cancel();
      await expect(backfill.result()).rejects.toMatchObject({ code: 'GR-3006' });
      await recordHistory(server, backfillWorkflowId('both'), 'backfill-cancelled');
      await expect(backfillOf(server.client, 'both').cancel()).rejects.toMatchObject({ code: 'GR-4002' });
    });
  });

  test('times that fail are counted, three in a row end it, and a collection that overtakes a run costs that run alone', async () => {
    const fake = fakeRun([{ id: 'ingest/a' }]);
    let attempts = 0;
    const failing = (code: string, which: (attempt: number) => boolean): Activities => ({
      ...withPages(fake, 6),
      ingest: async (input) => {
        if (which(++attempts)) throw ApplicationFailure.nonRetryable('no', code);
        return fake.activities.ingest(input);
      },
    });
    await server.withWorkers(
      failing('GR-2004', (attempt) => attempt === 2),
      async () => {
        const end = await (await startBackfill(server.client, request('some'))).result();
        expect(end).toMatchObject({
          done: 5,
          failures: 1,
          failed: [{ logicalTime: '1970-01-01T01:00:00.000Z', code: 'GR-2004' }],
        });
      },
    );
    await server.withWorkers(
      failing('GR-2004', () => true),
      async () => {
        const all = (await startBackfill(server.client, request('all'))).result();
        await expect(all).rejects.toMatchObject({ code: 'GR-2004' });
      },
    );
    attempts = 0;
    await server.withWorkers(
      failing('GR-7002', (attempt) => attempt === 1),
      async () => {
        const end = await (await startBackfill(server.client, request('overtaken'))).result();
        expect(end).toMatchObject({ done: 6, failures: 0 });
      },
    );
  });

  test('a run whose outputs go elsewhere starts a delivery and does not wait for it; news meanwhile makes it look again', async () => {
    const fake = fakeRun([{ id: 'ingest/a' }], { delivers: true });
    let looks = 0;
    let open = false;
    const summary = ({ pipeline }: DeliverInput): DeliverSummary => ({
      pipeline,
      state: 'delivered',
      generation: looks,
      there: looks,
      tables: [],
    });
    const deliver: Activities['deliver'] = async (input) => {
      looks++;
      for (const end = Date.now() + 20_000; !open && Date.now() < end; ) await sleep(20);
      return summary(input);
    };
    await server.withWorkers({ ...fake.activities, deliver }, async () => {
      for (let run = 1; run <= 3; run++)
        expect(await (await startRefresh(server.client, { pipeline: 'sent' })).result()).toMatchObject({
          outcome: 'unchanged',
        });
      await until(() => looks === 1);
      open = true;
      const delivery = await askForDelivery(server.client, { pipeline: 'sent' });
      expect(await delivery.result()).toMatchObject({ state: 'delivered' });
      // Three pieces of news came while it looked the first time: one more look serves them all.
      expect(looks).toBe(2);
      await recordHistory(server, deliverWorkflowId('sent'), 'deliver-completed');
    });
  });
});
