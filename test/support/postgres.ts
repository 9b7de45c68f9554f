import { execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from './serve.js';

const run = promisify(execFile);

const DEBIAN = '/usr/lib/postgresql';
const STARTS_MS = 30_000;

/** The folder of PostgreSQL's programs: GEOREFRESH_TEST_POSTGRES, the PATH, or Debian's newest; undefined where there is none. */
export function postgresPrograms(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    process.env.GEOREFRESH_TEST_POSTGRES ?? '',
    ...(process.env.PATH ?? '').split(delimiter),
    ...versions.map((version) => join(DEBIAN, version, 'bin')),
  ];
  return folders.find(
    (folder) => folder !== '' && ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))),
  );
}

export interface PostgresServer {
  /** With a password, as addresses have one. */
  readonly url: string;
  readonly port: number;
  /** Rows of a statement, over a connection of its own. */
  rows<T extends pg.QueryResultRow>(sql: string): Promise<T[]>;
  /** Ends it: SIGQUIT as a crash, without writing anything down; SIGINT in order. */
  stop(signal?: 'SIGQUIT' | 'SIGINT'): Promise<void>;
  /** Lets it come back, on the same port and data. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export const TEST_PASSWORD = 'not-a-secret-either';

/** PostgreSQL refuses root; whoever is root gives it to a user who is nobody. */
async function owner(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = users.find(([user]) => user === name) ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error('there is no user postgres or nobody to run PostgreSQL as');
}

/** Starts a PostgreSQL of its own, on 127.0.0.1 and a free port, in a folder that goes with it. */
export async function startPostgres(): Promise<PostgresServer> {
  const programs = postgresPrograms();
  if (programs === undefined) throw new Error('no PostgreSQL');
  const user = await owner();
  const folder = await mkdtemp(join(tmpdir(), 'georefresh-postgres-'));
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const env = { LC_ALL: 'C', PATH: process.env.PATH };
  await run(join(programs, 'initdb'), ['-D', data, '-U', 'tester', '-A', 'trust', '-E', 'UTF8', '-N'], {
    ...user,
    env,
    cwd: folder,
  });
  const port = await freePort();
  const url = `postgres://tester:${TEST_PASSWORD}@127.0.0.1:${port}/postgres`;
  let child: ReturnType<typeof spawn> | undefined;

  const rows = async <T extends pg.QueryResultRow>(sql: string): Promise<T[]> => {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<T>(sql)).rows;
    } finally {
      await client.end();
    }
  };
  const kill = (): void => void child?.kill('SIGQUIT');
  const start = async (): Promise<void> => {
    const args = [
      '-D',
      data,
      '-h',
      '127.0.0.1',
      '-p',
      String(port),
      '-k',
      '',
      '-c',
      'fsync=off',
      '-c',
      'deadlock_timeout=1s',
    ];
    process.off('exit', kill);
    process.once('exit', kill);
    child = spawn(join(programs, 'postgres'), args, { ...user, env, cwd: folder, stdio: 'ignore' });
    for (const until = Date.now() + STARTS_MS; ; await sleep(50)) {
      const answer = await rows('select 1').catch((error: unknown) => error);
      if (!(answer instanceof Error)) return;
      if (Date.now() > until || child.exitCode !== null) throw new Error('PostgreSQL did not start', { cause: answer });
    }
  };
  const stop = async (signal: 'SIGQUIT' | 'SIGINT' = 'SIGINT'): Promise<void> => {
    const running = child;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise((resolve) => running.once('exit', resolve));
    running.kill(signal);
    await ended;
  };
  await start();
  return {
    ...{ url, port, rows, stop, start },
    async close() {
      process.off('exit', kill);
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
