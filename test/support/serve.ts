import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const UP_MS = 20_000;
const POLL_MS = 20;

/** A server of a test's own on 127.0.0.1. */
export interface Served {
  readonly endpoint: string;
  readonly port: number;
  readonly pid: number;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Runs a server until `stop`, or the end of this process; resolves when it answers. */
export async function serve(
  name: string,
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  port: number,
): Promise<Served> {
  const child = spawn(command, args, { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (text: Buffer) => {
    said = (said + text.toString('utf8')).slice(-2000);
  });
  const gone = once(child, 'exit');
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const endpoint = `http://127.0.0.1:${port}`;
  const end = performance.now() + UP_MS;
  // Any answer will do: without a signature it is a refusal.
  while (!(await fetch(endpoint).then(Boolean, () => false))) {
    if (child.exitCode !== null || performance.now() > end) throw new Error(`${name} does not come up: ${said}`);
    await sleep(POLL_MS);
  }
  return {
    endpoint,
    port,
    pid: child.pid ?? 0,
    async stop(signal = 'SIGKILL') {
      process.off('exit', kill);
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill(signal);
      await gone;
    },
  };
}
