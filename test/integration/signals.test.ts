import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { signalNewData } from '../../client/signals.js';
import {
  inboxQuery,
  newDataOptions,
  pipelineWorkflowId,
  refreshBySignalId,
  runWorkflowId,
  type SignalPacing,
} from '../../workflows/messages.js';
import { startServer, type TestServer } from '../support/engine.js';
import { type FakeRun, type FakeStep, fakeRun } from '../support/fake-run.js';
import { recordHistory } from '../support/histories.js';
import { temporaryHome } from '../support/home.js';
import { needs } from '../support/needs.js';

const PACING: SignalPacing = { quiet: 200, longestWait: 2_000, idle: 600 };
const SLOW: FakeStep[] = [{ id: 'ingest/a', attempts: ['slow'] }];

needs('engine').describe('signals of new data on a real engine', () => {
  let server: TestServer;
  let pipeline: string;
  beforeAll(async () => {
    server = await startServer(await temporaryHome());
  });
  afterAll(() => server?.close());

  const fresh = (): string => {
    pipeline = `demo-${randomUUID().slice(0, 8)}`;
    return pipeline;
  };
  const signal = (fingerprint?: string, pacing = PACING) =>
    signalNewData(server.client, pipeline, pacing, ...(fingerprint === undefined ? [] : [fingerprint]));
  const keeper = (): WorkflowHandle => server.client.workflow.getHandle(pipelineWorkflowId(pipeline));
  const until = async (done: () => boolean | Promise<boolean>, what: string): Promise<void> => {
    for (const end = Date.now() + 30_000; !(await done()); await sleep(25))
      if (Date.now() > end) throw new Error(`not within 30 s: ${what}`);
  };
  const runs = ({ concluded }: FakeRun): number =>
    concluded.filter(({ header }) => header.pipeline === pipeline).length;
  const withFake = async (steps: FakeStep[], work: (fake: FakeRun) => Promise<void>): Promise<void> => {
    fresh();
    const fake = fakeRun(steps);
    await server.withWorkers(fake.activities, () => work(fake));
  };
  /** Events of each run of the workflow that keeps the signals, the first one first. */
  const eventsOf = async (): Promise<number[]> => {
    const counts: number[] = [];
    for await (const { runId } of server.client.workflow.list({
      query: `WorkflowId = "${pipelineWorkflowId(pipeline)}"`,
    }))
      counts.push(
        (await server.client.workflow.getHandle(pipelineWorkflowId(pipeline), runId).describe()).historyLength,
      );
    return counts.reverse();
  };

  test('many at once become one refresh, which is told as started by a signal, and the workflow ends idle', () =>
    withFake([{ id: 'ingest/a' }], async (fake) => {
      await Promise.all(Array.from({ length: 50 }, () => signal()));
      await keeper().result();
      expect(runs(fake)).toBe(1);
      expect(fake.concluded[0]?.header).toMatchObject({ pipeline, trigger: 'signal' });
      await recordHistory(server, pipelineWorkflowId(pipeline), 'pipeline-completed');
    }));

  test('a signal during a run starts exactly one more after it, ten do as well', () =>
    withFake(SLOW, async (fake) => {
      await signal();
      await until(() => fake.log.includes('begin ingest/a'), 'the first run');
      await Promise.all(Array.from({ length: 10 }, () => signal()));
      await keeper().result();
      expect(fake.log.filter((entry) => entry.startsWith('begin') || entry.startsWith('conclude'))).toEqual([
        ...['begin ingest/a', 'conclude unchanged'],
        ...['begin ingest/a', 'conclude unchanged'],
      ]);
    }));

  test('a signal while somebody else refreshes waits for its turn', () =>
    withFake(SLOW, async (fake) => {
      const other = await server.client.workflow.start('refresh', {
        taskQueue: 'georefresh',
        workflowId: randomUUID(),
        args: [{ pipeline }],
      });
      await until(() => fake.log.includes('begin ingest/a'), 'the run of somebody else');
      await signal(undefined, { ...PACING, quiet: 0 });
      await Promise.all([other.result(), keeper().result()]);
      expect(runs(fake)).toBe(2);
      expect(fake.concluded.map(({ header }) => header.trigger)).toEqual(['operator', 'signal']);
    }));

  test('the same fingerprint is the same news, until a refresh of it failed', () =>
    withFake([{ id: 'ingest/a', attempts: [{ fails: 'GR-2104', permanent: true }] }], async (fake) => {
      const patient = { ...PACING, idle: 20_000 };
      await signal('delivery 1', patient);
      await signal('delivery 1', patient);
      expect((await keeper().query(inboxQuery)).waiting).toBe(1);
      await until(() => runs(fake) === 1, 'the failed run');
      await until(async () => (await keeper().query(inboxQuery)).seen.length === 0, 'it is forgotten');
      await signal('delivery 1', patient);
      await until(() => runs(fake) === 2, 'the second run');
      // Only a digest is kept of what people give.
      expect(JSON.stringify(await keeper().query(inboxQuery))).not.toContain('delivery');
      await keeper().terminate();
    }));

  test('a stream that never becomes quiet is refreshed when the first one has waited for long enough', () =>
    withFake([{ id: 'ingest/a' }], async (fake) => {
      const pacing = { quiet: 60_000, longestWait: 700, idle: 300 };
      const ends = new AbortController();
      const stream = (async () => {
        for (; !ends.signal.aborted; await sleep(20)) await signal(undefined, pacing);
      })();
      await until(() => runs(fake) >= 2, 'refreshes in spite of the stream');
      ends.abort();
      await stream;
      await keeper().terminate();
    }));

  test('what its history cannot hold is carried on: 120 signals over runs of some 40 events are all kept (F12)', () =>
    withFake(SLOW, async (fake) => {
      const options = newDataOptions(pipeline, { ...PACING, quiet: 50, idle: 5_000 }, {});
      for (let n = 0; n < 120; n++)
        await server.client.workflow.signalWithStart('pipeline', {
          ...options,
          args: [{ ...options.args[0], mostEvents: 40 }],
          signalArgs: [{ fingerprint: `n${n}` }],
        });
      const last = (await keeper().query(inboxQuery)).seen;
      expect(last).toHaveLength(120);
      await until(async () => (await keeper().describe()).status.name === 'COMPLETED', 'the end');
      const events = await eventsOf();
      expect(events.length).toBeGreaterThan(3);
      expect(Math.max(...events)).toBeLessThan(100);
      expect(runs(fake)).toBeGreaterThanOrEqual(1);
      const first = await server.client.workflow.list({ query: `WorkflowId = "${pipelineWorkflowId(pipeline)}"` });
      for await (const { runId, status } of first)
        if (status.name === 'CONTINUED_AS_NEW') {
          await recordHistory(server, pipelineWorkflowId(pipeline), 'pipeline-continued', runId);
          break;
        }
    }));

  test('a terminated or cancelled keeper leaves the refresh that it began, and the next signal starts another keeper', () =>
    withFake(SLOW, async (fake) => {
      await signal();
      await until(() => fake.log.includes('begin ingest/a'), 'the run');
      await keeper().cancel();
      await expect(keeper().result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
      await server.client.workflow.getHandle(refreshBySignalId(pipeline)).result();
      expect(fake.log.at(-1)).toBe('conclude unchanged');
      await signal();
      await keeper().result();
      expect(runs(fake)).toBe(2);
      expect((await server.client.workflow.getHandle(runWorkflowId(pipeline)).describe()).status.name).toBe(
        'COMPLETED',
      );
    }));

  test('what cannot be an input is refused, and what cannot be a signal counts as one', () =>
    withFake([{ id: 'ingest/a' }], async (fake) => {
      for (const input of [{ pipeline: '../x' }, { pipeline, quiet: 'soon' }, { pipeline, idle: Number.NaN }]) {
        const handle = await server.client.workflow.start('pipeline', {
          taskQueue: 'georefresh',
          workflowId: randomUUID(),
          args: [input],
        });
        await expect(handle.result()).rejects.toMatchObject({ cause: { type: /GR-(4001|1001)/ } });
      }
      await signal();
      for (const data of [null, 7, { fingerprint: 7 }]) await keeper().signal('newData', data);
      expect((await keeper().query(inboxQuery)).waiting).toBe(4);
      await keeper().result();
      expect(runs(fake)).toBe(1);
    }));
});
