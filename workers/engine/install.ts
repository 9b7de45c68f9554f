import { spawn } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { ENGINE_VERSION } from './version.js';

/** What takes long while an engine is made ready, told once a second; `seconds` have passed in this step. */
export interface EngineProgress {
  step: 'download' | 'build' | 'wait' | 'start';
  seconds: number;
  /** In words for people, without the seconds. */
  note: string;
}

export interface InstallOptions {
  /** Where the binary goes; its folder belongs to this version alone. The caller holds that folder's lock. */
  target: string;
  env: NodeJS.ProcessEnv;
  onProgress(progress: EngineProgress): void;
  signal?: AbortSignal | undefined;
}

const DOWNLOAD_HOST = 'temporal.download';
const REACH_MS = 4_000;
const DOWNLOAD_MS = 4 * 60_000;
/** The build took 4.5 minutes on two cores; a slow proxy and one core may take several times that. */
const BUILD_MS = 20 * 60_000;

/** Runs in a child, because the SDK's download has no time limit and cannot be cancelled in its own process. */
const DOWNLOAD_SCRIPT = `
const [testing, downloadDir, version] = process.argv.slice(1);
const { TestWorkflowEnvironment } = await import(testing);
const executable = { type: 'cached-download', downloadDir, version };
const environment = await TestWorkflowEnvironment.createLocal({ server: { executable } });
await environment.teardown();`;

/**
 * Fetches the CLI as the SDK does for its test server: the release's archive from Temporal's own host. Offline it fails
 * within seconds, with the reason.
 */
export async function downloadEngine({ target, env, onProgress, signal }: InstallOptions): Promise<void> {
  // A proxy resolves names itself, so that only the attempt can tell.
  if (!(env.HTTPS_PROXY || env.https_proxy || env.ALL_PROXY)) await reach(DOWNLOAD_HOST, 443);
  const folder = await emptyFolder(target);
  try {
    const testing = import.meta.resolve('@temporalio/testing');
    const args = ['--input-type=module', '-e', DOWNLOAD_SCRIPT, testing, folder, `v${ENGINE_VERSION}`];
    const report = (seconds: number): void =>
      onProgress({ step: 'download', seconds, note: `downloading the Temporal CLI ${ENGINE_VERSION}` });
    await run(process.execPath, args, { cwd: folder, env, timeoutMs: DOWNLOAD_MS, report, signal });
    await adopt(folder, target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * The command that builds the CLI into `gobin`. Settings of the user that would build for another platform, in another
 * module mode or workspace, are left out; GOBIN with a foreign GOOS is an error of the go command.
 */
export function goInstallCommand(
  gobin: string,
  env: NodeJS.ProcessEnv,
): { command: string; args: string[]; env: NodeJS.ProcessEnv } {
  const { GOOS: _os, GOARCH: _arch, GOFLAGS: _flags, GO111MODULE: _mode, ...rest } = env;
  return {
    command: 'go',
    args: ['install', `github.com/temporalio/cli/cmd/temporal@v${ENGINE_VERSION}`],
    env: { ...rest, GOBIN: gobin, GOWORK: 'off' },
  };
}

/** Builds the CLI from the Go module proxy: a few minutes, once. */
export async function buildEngine({ target, env, onProgress, signal }: InstallOptions): Promise<void> {
  const folder = await emptyFolder(target);
  try {
    const go = goInstallCommand(folder, env);
    const report = (seconds: number): void =>
      onProgress({
        step: 'build',
        seconds,
        note: `building the Temporal CLI ${ENGINE_VERSION} with Go (once, about 5 minutes)`,
      });
    await run(go.command, go.args, { cwd: folder, env: go.env, timeoutMs: BUILD_MS, report, signal });
    await adopt(folder, target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A folder beside the target, so that the finished binary can be renamed into place. What a killed build left goes. */
async function emptyFolder(target: string): Promise<string> {
  const folder = join(dirname(target), `.${basename(target)}.new`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  return folder;
}

async function adopt(folder: string, target: string): Promise<void> {
  const made = (await readdir(folder)).find((file) => file.startsWith('temporal'));
  if (made === undefined) throw new Error('it left no binary');
  await rename(join(folder, made), target);
}

async function reach(host: string, port: number): Promise<void> {
  const unreachable = new Error(`${host} cannot be reached`);
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(reject, REACH_MS, unreachable);
  });
  try {
    const { address } = await Promise.race([lookup(host).catch(() => Promise.reject(unreachable)), timeout]);
    const socket = connect({ host: address, port });
    const opened = new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', () => reject(unreachable));
    });
    await Promise.race([opened, timeout]).finally(() => socket.destroy());
  } finally {
    clearTimeout(timer);
  }
}

interface RunOptions {
  cwd: string;
  env: NodeJS.ProcessEnv;
  timeoutMs: number;
  report(seconds: number): void;
  signal?: AbortSignal | undefined;
}

/** Runs a command to its end. Rejects with the last thing that it said. */
async function run(command: string, args: string[], options: RunOptions): Promise<void> {
  const { cwd, env, timeoutMs, report } = options;
  const limit = AbortSignal.timeout(timeoutMs);
  const signal = options.signal ? AbortSignal.any([limit, options.signal]) : limit;
  const started = performance.now();
  report(0);
  const ticker = setInterval(() => report(Math.round((performance.now() - started) / 1000)), 1000);
  try {
    await new Promise<void>((resolve, reject) => {
      const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'], windowsHide: true, signal });
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-2000);
      });
      child.once('error', reject);
      child.once('close', (code) => {
        if (code === 0) resolve();
        else reject(new Error(lastWords(said) || `${command} ended with ${code}`));
      });
    });
  } catch (error) {
    options.signal?.throwIfAborted();
    if (limit.aborted) throw new Error(`not done within ${timeoutMs / 60_000} minutes`, { cause: error });
    throw error;
  } finally {
    clearInterval(ticker);
  }
}

/** The end of what a command said, in one line. */
const lastWords = (text: string): string => {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('Node.js v'));
  return lines.slice(-3).join(' | ').slice(0, 400);
};
