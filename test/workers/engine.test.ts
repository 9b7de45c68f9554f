import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import type { GeorefreshError } from '../../config/errors.js';
import { isAlive, ownProcess, startTimeOf } from '../../workers/engine/process.js';
import { enginePaths, readAliveRecord, readJson, readRecord, writeJson } from '../../workers/engine/state.js';
import {
  connectOrStart,
  type Engine,
  ensureNamespace,
  ensureSearchAttributes,
  stopEngine,
  superviseEngine,
} from '../../workers/engine.js';
import { temporaryHome } from '../support/home.js';
import { engineBinary, needs } from '../support/needs.js';
import { goOnSignal, waitingWorkflow } from './trivial-workflow.js';

const log = { info: () => {}, warn: () => {} };
const LOADER = fileURLToPath(new URL('../../scripts/ts-loader.mjs', import.meta.url));
const OTHER = fileURLToPath(new URL('./connect-or-start.ts', import.meta.url));
const WORKFLOWS = fileURLToPath(new URL('./trivial-workflow.ts', import.meta.url));

/** An environment in which the tests' binary is the one on PATH, and no engine elsewhere is named. */
function environment(): NodeJS.ProcessEnv {
  const { TEMPORAL_ADDRESS: _address, TEMPORAL_NAMESPACE: _namespace, ...rest } = process.env;
  return { ...rest, PATH: `${dirname(engineBinary().path)}:${process.env.PATH}` };
}

async function homeWithEngine(): Promise<{ home: string; engine: Engine }> {
  const home = await freshHome();
  return { home, engine: await connectOrStart({ home, log, env: environment() }) };
}

async function freshHome(): Promise<string> {
  const home = await temporaryHome();
  onTestFinished(async () => {
    await stopEngine(home);
  });
  return home;
}

/** Another process on the same home, once it has an engine. */
async function otherProcess(home: string, how: 'release' | 'vanish' = 'release') {
  const child = spawn(process.execPath, ['--import', LOADER, OTHER, home, how], {
    env: environment(),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => String((await lines.next()).value);
  const engine = JSON.parse(await nextLine()) as { pid: number; kind: string; address: string };
  const end = (): Promise<string> => {
    child.stdin.end();
    return nextLine();
  };
  return { engine, end, exit: () => exited(child) };
}

const exited = async (child: ChildProcess): Promise<void> => {
  child.stdin?.end();
  while (child.exitCode === null && child.signalCode === null) await sleep(20);
};

async function until(done: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await done())) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms`);
    await sleep(50);
  }
}

needs('engine').describe('the embedded engine', () => {
  beforeAll(() => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
  });

  test('starts, serves its namespace with the search attributes, and is stopped without a trace', async () => {
    const { home, engine } = await homeWithEngine();
    expect(engine.kind).toBe('started');
    const record = await readRecord(home);
    expect(record).toMatchObject({ pid: engine.pid, namespace: 'default', owner: ownProcess() });
    const connection = await Connection.connect(engine.connection);
    const listed = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
    expect(Object.keys(listed.customAttributes)).toEqual(
      expect.arrayContaining(['Pipeline', 'Stage', 'Outcome', 'ModelVersion', 'LogicalTime']),
    );
    await connection.close();
    expect((await fetch(engine.ui ?? '')).status).toBe(200);

    expect(await engine.release()).toBe('stopped');
    expect(record && isAlive(record)).toBe(false);
    expect(existsSync(enginePaths(home).record)).toBe(false);
    expect(await readdir(enginePaths(home).users)).toEqual([]);
  });

  test('comes back on the same ports, so that a bookmark of its page stays right', async () => {
    const { home, engine } = await homeWithEngine();
    await engine.release();
    const again = await connectOrStart({ home, log, env: environment() });
    expect(again.connection).toEqual(engine.connection);
    expect(again.ui).toBe(engine.ui);
  });

  test('a run begun before a kill -9 of the engine goes on after its restart on the same file (S0.18)', async () => {
    const { home, engine } = await homeWithEngine();
    const restarts: number[] = [];
    const failures: GeorefreshError[] = [];
    const supervisor = superviseEngine({
      home,
      log,
      intervalMs: 50,
      onRestart: ({ pid }) => void restarts.push(pid),
      onFailure: (error) => void failures.push(error),
    });
    onTestFinished(() => supervisor.stop());
    const connection = await NativeConnection.connect(engine.connection);
    const client = new Client({ connection: await Connection.connect(engine.connection) });
    const calls: number[] = [];
    const worker = await Worker.create({
      connection,
      taskQueue: 'test',
      workflowsPath: WORKFLOWS,
      activities: {
        double: async (value: number) => {
          calls.push(value);
          return 2 * value;
        },
      },
    });
    const result = await worker.runUntil(async () => {
      const handle = await client.workflow.start(waitingWorkflow, { taskQueue: 'test', workflowId: 'w', args: [21] });
      await until(async () => {
        const { events } = await handle.fetchHistory();
        return events?.some((event) => event.activityTaskCompletedEventAttributes) ?? false;
      });
      process.kill(engine.pid as number, 'SIGKILL');
      const began = performance.now();
      await until(async () => restarts.length === 1 && (await readAliveRecord(home)) !== undefined);
      expect(performance.now() - began).toBeLessThan(15_000);
      await until(() =>
        handle.signal(goOnSignal).then(
          () => true,
          () => false,
        ),
      );
      expect((await handle.describe()).runId).toBe(handle.firstExecutionRunId);
      return handle.result();
    });
    expect(result).toBe(84);
    // The first step was done before the kill and is not done again.
    expect(calls).toEqual([21, 42]);
    expect(failures).toEqual([]);
    await supervisor.stop();
    await connection.close();
    await client.connection.close();
  });

  test('a killed engine that is found by nobody but the next command is started again by it', async () => {
    const { home, engine } = await homeWithEngine();
    process.kill(engine.pid as number, 'SIGKILL');
    await until(async () => (await readAliveRecord(home)) === undefined);
    const next = await connectOrStart({ home, log, env: environment() });
    expect(next.kind).toBe('started');
    expect(next.connection).toEqual(engine.connection);
  });

  test('an engine that dies again and again is given up with GR-5005', async () => {
    const { home } = await homeWithEngine();
    const record = await readRecord(home);
    await stopEngine(home);
    // A binary that ends at once, as a broken database would make it.
    await writeJson(enginePaths(home).record, { ...record, binary: process.execPath });
    const failure = await new Promise<GeorefreshError>((resolve) => {
      const supervisor = superviseEngine({ home, log, intervalMs: 10, onFailure: resolve });
      onTestFinished(() => supervisor.stop());
    });
    expect(failure.code).toBe('GR-5005');
    expect(failure.message).toContain('6 times within a minute');
    expect(failure.message).toContain('MODULE_NOT_FOUND');
  });

  test('an engine stopped by another command is not restarted, however closely it is watched', async () => {
    const { home } = await homeWithEngine();
    const restarts: number[] = [];
    const failure = new Promise<GeorefreshError>((resolve) => {
      const onRestart = ({ pid }: { pid: number }): void => void restarts.push(pid);
      const supervisor = superviseEngine({ home, log, intervalMs: 1, onRestart, onFailure: resolve });
      onTestFinished(() => supervisor.stop());
    });
    await stopEngine(home);
    expect((await failure).code).toBe('GR-5001');
    expect(restarts).toEqual([]);
    expect(await readRecord(home)).toBeUndefined();
  });

  test('processes that ask at the same time end with one engine, and the last one stops it', async () => {
    const home = await freshHome();
    const [a, b, c] = await Promise.all([otherProcess(home), otherProcess(home), otherProcess(home)]);
    expect(new Set([a.engine.pid, b.engine.pid, c.engine.pid]).size).toBe(1);
    expect([a, b, c].filter(({ engine }) => engine.kind === 'started')).toHaveLength(1);
    expect(await a.end()).toBe('left');
    expect(await b.end()).toBe('left');
    expect(isAlive({ pid: c.engine.pid, startTime: startTimeOf(c.engine.pid) ?? '' })).toBe(true);
    expect(await c.end()).toBe('stopped');
    expect(startTimeOf(c.engine.pid)).toBeUndefined();
  });

  test('an engine whose owner vanished is used, and stopped by the next last user', async () => {
    const home = await freshHome();
    const owner = await otherProcess(home, 'vanish');
    await owner.exit();
    const engine = await connectOrStart({ home, log, env: environment() });
    expect(engine).toMatchObject({ kind: 'found', pid: owner.engine.pid });
    expect(await engine.release()).toBe('stopped');
  });

  test('a stale engine.json whose pid belongs to another process by now does not get that process killed', async () => {
    const { home, engine } = await homeWithEngine();
    const record = await readRecord(home);
    await engine.release();
    const bystander = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    onTestFinished(() => void bystander.kill('SIGKILL'));
    await writeJson(enginePaths(home).record, { ...record, pid: bystander.pid });
    expect(await stopEngine(home)).toBe('none');
    expect(bystander.exitCode ?? bystander.signalCode).toBeNull();
    expect(startTimeOf(bystander.pid as number)).toBeDefined();
  });

  test('namespace and search attributes are set up again without harm, also in a namespace of its own', async () => {
    const { engine } = await homeWithEngine();
    const connection = await Connection.connect(engine.connection);
    for (const _ of [1, 2]) {
      await ensureNamespace(connection, 'second');
      await ensureSearchAttributes(connection, 'second');
    }
    const listed = await connection.operatorService.listSearchAttributes({ namespace: 'second' });
    expect(Object.keys(listed.customAttributes)).toContain('LogicalTime');
    await connection.close();
  });

  test('an engine elsewhere is used as it is and nothing is started', async () => {
    const { engine } = await homeWithEngine();
    const home = await freshHome();
    const env = { ...environment(), TEMPORAL_ADDRESS: engine.connection.address, TEMPORAL_NAMESPACE: 'other' };
    const external = await connectOrStart({ home, log, env });
    expect(external).toMatchObject({ kind: 'external', namespace: 'other', connection: engine.connection });
    expect(await external.release()).toBe('left');
    expect(await readdir(home)).toEqual([]);
    expect(engine.pid && startTimeOf(engine.pid)).toBeDefined();
  });

  test('an address where nothing answers is GR-5001', async () => {
    const home = await freshHome();
    const env = { ...environment(), TEMPORAL_ADDRESS: '127.0.0.1:1' };
    await expect(connectOrStart({ home, log, env })).rejects.toMatchObject({ code: 'GR-5001' });
  });

  test('a frozen engine is waited for, never doubled', async () => {
    const { home, engine } = await homeWithEngine();
    process.kill(engine.pid as number, 'SIGSTOP');
    const second = connectOrStart({ home, log, env: environment() });
    await sleep(1500);
    process.kill(engine.pid as number, 'SIGCONT');
    expect(await second).toMatchObject({ kind: 'found', pid: engine.pid });
  });

  test('a home whose engine cannot start fails with the last lines of its log', async () => {
    const home = await freshHome();
    const engine = await connectOrStart({ home, log, env: environment() });
    await engine.release();
    await writeFile(enginePaths(home).database, 'not a database');
    const failing = connectOrStart({ home, log, env: environment() });
    await expect(failing).rejects.toMatchObject({ code: 'GR-5005' });
    await expect(failing).rejects.toThrow(/its log ends with:\n.+/s);
    expect(await readJson(enginePaths(home).record)).toBeUndefined();
    expect((await readFile(enginePaths(home).log, 'utf8')).length).toBeGreaterThan(0);
    expect(join(home, 'logs')).toBe(dirname(enginePaths(home).log));
  });
});
