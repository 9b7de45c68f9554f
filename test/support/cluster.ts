import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { liveWorkers } from '../../client/embedded.js';
import { connect, type Georefresh } from '../../client/index.js';
import { isAlive, type ProcessId } from '../../workers/engine/process.js';
import { type EngineRecord, readAliveRecord } from '../../workers/engine/state.js';
import { LogTail } from './log-tail.js';
import { engineBinary } from './needs.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const UP_MS = 90_000;
const GONE_MS = 20_000;
const POLL_MS = 10;

export interface ClusterOptions {
  /** Used by this cluster alone: what its records name was started by it. */
  home: string;
  workers?: number;
  /** What its workers do; default: everything. */
  roles?: string;
  /** Whether files under its inputs are signalled when they change. */
  watch?: boolean;
  /** Settings by environment; a short heartbeat timeout makes faults cheap. */
  env?: Record<string, string>;
  /** Folder of the installation whose program is run; default: this project. */
  program?: string;
}

/** How long to wait for what `up` says of a death: a run may end before it has said so. */
export const NOTICED = { timeout: 10_000 };

/** `georefresh up` with worker processes of its own, all of which can be looked at and signalled. */
export interface Cluster {
  readonly home: string;
  readonly client: Georefresh;
  /** The home's log since the cluster was started. */
  readonly log: LogTail;
  /** What `up` told people: the deaths that it saw and made good. */
  notices(): string;
  engine(): Promise<EngineRecord>;
  /** The worker processes that live. */
  workers(): Promise<ProcessId[]>;
  /** Sends a signal to the engine or a worker of this cluster; resolves, for SIGKILL, when it is gone. */
  signal(pid: number, name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  /** Kills `up`, its workers and the engine in one go, as a power cut would. */
  cutPower(): Promise<void>;
  /** Asks `up` to end, as Ctrl-C does. */
  stop(): Promise<void>;
  /** Ends whatever is left, without grace. */
  end(): Promise<void>;
}

/** Starts a cluster and waits until its workers are there. Rejects with what it said where it does not come up. */
export async function startCluster({
  home,
  workers = 2,
  roles,
  watch = false,
  env = {},
  program = ROOT,
}: ClusterOptions): Promise<Cluster> {
  const main = join(program, 'dist', 'client', 'cli', 'main.js');
  if (!existsSync(main)) throw new Error('the project is not built: npm run build');
  const log = new LogTail(join(home, 'logs', 'pipeline.log'));
  const settings = { ...surroundings(), ...env, GEOREFRESH_HOME: home };
  // A group of its own: the workers are forked into it, and one signal reaches `up` and them at once.
  const up = spawn(
    process.execPath,
    [
      main,
      'up',
      '--workers',
      String(workers),
      '--json',
      ...(watch ? ['--watch'] : []),
      ...(roles ? ['--roles', roles] : []),
    ],
    {
      env: settings,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    },
  );
  let said = '';
  up.stderr.on('data', (text: Buffer) => {
    said += text.toString('utf8');
  });
  const killGroup = (): void => {
    // The group goes with its last member, and so does the right to signal it.
    if (up.pid !== undefined && up.exitCode === null && up.signalCode === null) tryKill(-up.pid, 'SIGKILL');
  };
  process.once('exit', killGroup);
  const ended = once(up, 'exit');
  const client = await connect({ home, env: settings });
  const cutPower = async (): Promise<void> => {
    const engine = await readAliveRecord(home);
    const all = [...(await liveWorkers(home)), ...(engine === undefined ? [] : [engine])];
    killGroup();
    if (engine !== undefined && isAlive(engine)) tryKill(engine.pid, 'SIGKILL');
    if (up.exitCode === null && up.signalCode === null) await ended;
    await untilGone(all);
  };
  const end = async (): Promise<void> => {
    process.off('exit', killGroup);
    await client.close();
    await cutPower();
  };
  try {
    await firstLine(up, () => said);
  } catch (error) {
    await end();
    throw error;
  }
  return {
    home,
    client,
    log,
    notices: () => said,
    async engine() {
      const record = await readAliveRecord(home);
      if (record === undefined) throw new Error('no engine runs');
      return record;
    },
    workers: () => liveWorkers(home),
    async signal(pid, name) {
      const engine = await readAliveRecord(home);
      const known = [...(await liveWorkers(home)), ...(engine === undefined ? [] : [engine])];
      const meant = known.find((one) => one.pid === pid);
      if (meant === undefined) throw new Error(`process ${pid} is none of this cluster, or no longer`);
      process.kill(pid, name);
      if (name === 'SIGKILL') await untilGone([meant]);
    },
    cutPower,
    async stop() {
      up.kill('SIGTERM');
      await Promise.race([ended, sleep(UP_MS).then(() => Promise.reject(new Error(`up does not end: ${said}`)))]);
    },
    end,
  };
}

/** Our own environment without what would steer the product, and with the engine's binary on PATH. */
function surroundings(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(GEOREFRESH|TEMPORAL|VITEST)_|^LOG_/.test(name));
  const path = [dirname(engineBinary().path), process.env.PATH ?? ''].join(delimiter);
  return { ...Object.fromEntries(kept), PATH: path, NODE_ENV: 'production' };
}

/** `up --json` prints one line when all is up. */
async function firstLine(up: ChildProcess, said: () => string): Promise<void> {
  const given = new AbortController();
  try {
    if (up.stdout === null) throw new Error('up was started without a pipe');
    const lines = createInterface({ input: up.stdout });
    await Promise.race([
      once(lines, 'line', { signal: given.signal }),
      once(up, 'exit', { signal: given.signal }).then(([code]) => {
        throw new Error(`up ended with exit code ${String(code)}: ${said()}`);
      }),
      sleep(UP_MS, undefined, { signal: given.signal }).then(() => {
        throw new Error(`up is not up within ${UP_MS / 1000} s: ${said()}`);
      }),
    ]);
  } finally {
    given.abort();
  }
}

function tryKill(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It ended by itself between the look and the signal.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function untilGone(processes: readonly ProcessId[]): Promise<void> {
  const end = performance.now() + GONE_MS;
  while (processes.some(isAlive)) {
    if (performance.now() > end) throw new Error('a killed process does not go');
    await sleep(POLL_MS);
  }
}
