import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunSummary } from '../../activities/types.js';
import { TASK_QUEUES } from '../../config/queues.js';
import { progressQuery, type RefreshInput, runWorkflowId } from '../../workflows/messages.js';
import { startServer, type TestServer } from '../support/engine.js';
import { type FakeStep, fakeRun } from '../support/fake-run.js';
import { recordHistory } from '../support/histories.js';
import { temporaryHome } from '../support/home.js';
import { needs } from '../support/needs.js';

const CHAIN: FakeStep[] = [
  { id: 'ingest/a' },
  { id: 'ingest/b' },
  { id: 'validate/a', needs: ['ingest/a'] },
  { id: 'validate/b', needs: ['ingest/b'] },
  { id: 'features/t', needs: ['validate/a', 'validate/b'] },
  { id: 'publish/snapshot', needs: ['features/t'] },
];

/** The chain with what some of its steps do. */
const chain = (attempts: Record<string, NonNullable<FakeStep['attempts']>>): FakeStep[] =>
  CHAIN.map((step) => ({
    ...step,
    ...(attempts[step.id] && { attempts: attempts[step.id] as NonNullable<FakeStep['attempts']> }),
  }));

needs('engine').describe('a refresh on a real engine', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(await temporaryHome());
  });
  afterAll(() => server?.close());

  const start = (input: Partial<RefreshInput> = {}): Promise<WorkflowHandle> =>
    server.client.workflow.start('refresh', {
      taskQueue: TASK_QUEUES.workflows,
      workflowId: randomUUID(),
      args: [{ pipeline: 'demo', ...input }],
    });
  const failureOf = async (
    handle: WorkflowHandle,
  ): Promise<{ type?: string; message?: string; cause?: { name?: string } }> =>
    handle.result().then(
      () => ({}),
      (error: { cause: { type?: string; message?: string } }) => error.cause,
    );
  const until = async (done: () => boolean | Promise<boolean>): Promise<void> => {
    for (const end = Date.now() + 20_000; !(await done()); await sleep(25))
      if (Date.now() > end) throw new Error('not within 20 s');
  };
  /** Keeps the histories of a refresh and of its run, where they are asked for. */
  const recordBoth = async (handle: WorkflowHandle, name: string): Promise<void> => {
    const { runId } = await handle.describe();
    await recordHistory(server, handle.workflowId, `refresh-${name}`, runId);
    await recordHistory(server, runWorkflowId('demo'), `run-${name}`);
  };

  test('each step begins when those it needs have ended, and those that need nothing run side by side', async () => {
    const fake = fakeRun(chain({ 'ingest/a': ['slow'], 'ingest/b': ['slow'] }));
    await server.withWorkers(fake.activities, async () => {
      const handle = await start();
      const summary = (await handle.result()) as RunSummary;
      expect(summary).toMatchObject({ pipeline: 'demo', outcome: 'unchanged', run: (await handle.describe()).runId });
      await recordBoth(handle, 'completed');
    });
    const at = (entry: string): number => fake.log.indexOf(entry);
    for (const { id, needs: before = [] } of CHAIN)
      for (const need of before) expect(at(`end ${need}`)).toBeLessThan(at(`begin ${id}`));
    expect(Math.max(at('begin ingest/a'), at('begin ingest/b'))).toBeLessThan(
      Math.min(at('end ingest/a'), at('end ingest/b')),
    );
    expect(fake.log.at(-1)).toBe('conclude unchanged');
    expect(fake.concluded[0]?.steps.map(({ id }) => id).sort()).toEqual(CHAIN.map(({ id }) => id).sort());
  });

  test('what may pass is tried again, and the attempt that succeeded is told (S2.20)', async () => {
    const fake = fakeRun(chain({ 'ingest/a': [{ fails: 'GR-5002', permanent: false }, 'done'] }));
    await server.withWorkers(fake.activities, async () => {
      await (await start()).result();
    });
    expect(fake.log.filter((entry) => entry === 'begin ingest/a')).toHaveLength(2);
    expect(fake.concluded[0]?.steps.find(({ id }) => id === 'ingest/a')?.attempt).toBe(2);
  });

  test('the first failure cancels the other steps, is concluded, and is what the refresh fails with', async () => {
    const fake = fakeRun(chain({ 'ingest/a': ['hang'], 'validate/b': [{ fails: 'GR-2104', permanent: false }] }));
    await server.withWorkers(fake.activities, async () => {
      const handle = await start();
      expect(await failureOf(handle)).toMatchObject({ type: 'GR-2104', message: 'validate/b failed' });
      await recordBoth(handle, 'failed');
    });
    // Typed permanent by the registry, whatever the failure itself says.
    expect(fake.log.filter((entry) => entry === 'begin validate/b')).toHaveLength(1);
    expect(fake.log).toContain('cancelled ingest/a');
    expect(fake.log.indexOf('cancelled ingest/a')).toBeLessThan(fake.log.indexOf('conclude failed'));
    expect(fake.concluded[0]?.error).toEqual({ code: 'GR-2104', message: 'validate/b failed' });
  });

  test('a failure that never passes ends the run after the attempts allowed', async () => {
    const fake = fakeRun(chain({ 'features/t': [{ fails: 'TypeError', permanent: false }] }));
    await server.withWorkers(fake.activities, async () => {
      expect(await failureOf(await start())).toMatchObject({ type: 'GR-3001' });
    });
    expect(fake.log.filter((entry) => entry === 'begin features/t')).toHaveLength(3);
  });

  test('a cancellation reaches a running step within two seconds and leaves a manifest that says so', async () => {
    const fake = fakeRun(chain({ 'features/t': ['hang'] }));
    await server.withWorkers(fake.activities, async () => {
      const handle = await start();
      await until(() => fake.log.includes('begin features/t'));
      const began = Date.now();
      await handle.cancel();
      expect(await failureOf(handle)).toMatchObject({ name: 'CancelledFailure' });
      expect(Date.now() - began).toBeLessThan(2000);
      const { searchAttributes } = await handle.describe();
      expect(searchAttributes.Outcome).toEqual(['cancelled']);
      await recordBoth(handle, 'cancelled');
    });
    expect(fake.log).toContain('cancelled features/t');
    expect(fake.log.at(-1)).toBe('conclude cancelled');
    expect(fake.log).not.toContain('begin publish/snapshot');
  });

  test('of five refreshes at once one works at a time, and each has its turn', async () => {
    const fake = fakeRun([{ id: 'ingest/a', attempts: ['slow'] }]);
    await server.withWorkers(fake.activities, async () => {
      const handles = await Promise.all(Array.from({ length: 5 }, () => start()));
      const runs = await Promise.all(handles.map((handle) => handle.result() as Promise<RunSummary>));
      expect(new Set(runs.map(({ run }) => run)).size).toBe(5);
    });
    const one = ['begin ingest/a', 'end ingest/a', 'conclude unchanged'];
    expect(fake.log).toEqual(Array.from({ length: 5 }, () => one).flat());
  });

  test('a refresh that waited as long as it may fails with GR-3005, and the other goes on', async () => {
    const fake = fakeRun([{ id: 'ingest/a', attempts: ['hang'] }]);
    await server.withWorkers(fake.activities, async () => {
      const first = await start();
      await until(() => fake.log.includes('begin ingest/a'));
      expect(await failureOf(await start({ waitAtMost: 300 }))).toMatchObject({ type: 'GR-3005' });
      expect(await failureOf(await start({ waitAtMost: 0 }))).toMatchObject({ type: 'GR-3005' });
      expect((await first.describe()).status.name).toBe('RUNNING');
      await first.cancel();
      await failureOf(first);
    });
  });

  test('a terminated refresh takes its run along and frees the pipeline', async () => {
    const hanging = fakeRun([{ id: 'ingest/a', attempts: ['hang'] }]);
    await server.withWorkers(hanging.activities, async () => {
      const first = await start();
      await until(() => hanging.log.includes('begin ingest/a'));
      await first.terminate('a test');
      const child = server.client.workflow.getHandle(runWorkflowId('demo'));
      await until(async () => (await child.describe()).status.name === 'TERMINATED');
    });
    const fake = fakeRun(CHAIN);
    await server.withWorkers(fake.activities, async () => {
      expect(await (await start({ waitAtMost: 0 })).result()).toMatchObject({ outcome: 'unchanged' });
    });
  });

  test('the progress query tells stages in order, what runs, and what is done', async () => {
    const fake = fakeRun(chain({ 'features/t': ['hang'] }));
    await server.withWorkers(fake.activities, async () => {
      const handle = await start();
      await until(() => fake.log.includes('begin features/t'));
      const child = server.client.workflow.getHandle(runWorkflowId('demo'));
      const { stages } = await child.query(progressQuery);
      expect(stages.map(({ stage, steps, done, running }) => ({ stage, steps, done, running }))).toEqual([
        { stage: 'ingest', steps: 2, done: 2, running: [] },
        { stage: 'validate', steps: 2, done: 2, running: [] },
        { stage: 'features', steps: 1, done: 0, running: ['features/t'] },
        { stage: 'publish', steps: 1, done: 0, running: [] },
      ]);
      expect((await child.describe()).searchAttributes.Stage).toEqual(['features']);
      await handle.cancel();
      await failureOf(handle);
    });
  });

  test('Start Workflow with {"pipeline":"demo"} as json/plain, as the engine\'s own page sends it, is a refresh', async () => {
    const fake = fakeRun(CHAIN);
    await server.withWorkers(fake.activities, async () => {
      const workflowId = randomUUID();
      const { runId } = await server.client.workflowService.startWorkflowExecution({
        namespace: 'default',
        workflowId,
        workflowType: { name: 'refresh' },
        taskQueue: { name: TASK_QUEUES.workflows },
        requestId: randomUUID(),
        input: {
          payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{"pipeline":"demo"}') }],
        },
      });
      const summary = (await server.client.workflow.getHandle(workflowId).result()) as RunSummary;
      expect(summary).toMatchObject({ outcome: 'unchanged', trigger: 'operator', run: runId });
    });
  });

  test('what cannot be a request is refused at once and typed, never retried', async () => {
    const wrong = [
      [{ pipeline: '../x' }, 'GR-4001'],
      [{ logicalTime: 'soon' }, 'GR-1001'],
      [{ waitAtMost: '15m' }, 'GR-1001'],
      [{ only: 'train' }, 'GR-1001'],
      [{ overrides: ['cut=1'] }, 'GR-1001'],
    ] as const;
    await server.withWorkers(fakeRun(CHAIN).activities, async () => {
      for (const [input, type] of wrong)
        expect(await failureOf(await start(input as unknown as Partial<RefreshInput>))).toMatchObject({ type });
    });
  });
});
