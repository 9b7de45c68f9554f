import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GeorefreshError } from '../../config/errors.js';
import { isAlive, ownProcess, type ProcessId } from './process.js';

interface Claim extends ProcessId {
  held: boolean;
}

export interface LockOptions {
  folder: string;
  name: string;
  /** Longest wait for the holder, in milliseconds; then GR-5005. */
  waitMs: number;
  /** Called once if someone else holds the lock, with the holder. */
  onWait?(holder: ProcessId): void;
  signal?: AbortSignal;
}

const POLL_MS = 50;

/**
 * Runs `work` while no other process of this machine runs it under the same lock. A holder that died frees the lock.
 *
 * The usual lock file has a hole: two who find it stale may each remove it, the slower one the fresh claim of the faster.
 * Here claims are numbered files `<name>.lock.<n>` and only ever superseded: to take over claim n is to create n+1 (a hard
 * link, which fails if it exists, and brings its content with it). The highest claim decides and is never deleted, only
 * marked as released; whoever created a claim that is not the highest was late, withdraws it and looks again.
 */
export async function withLock<T>(options: LockOptions, work: () => Promise<T>): Promise<T> {
  await mkdir(options.folder, { recursive: true });
  const draft = join(options.folder, `.${options.name}.${randomUUID()}`);
  try {
    const claim = await acquire(options, draft);
    try {
      return await work();
    } finally {
      await writeFile(draft, JSON.stringify({ ...ownProcess(), held: false } satisfies Claim));
      await rename(draft, claim);
    }
  } finally {
    await rm(draft, { force: true });
  }
}

async function acquire(options: LockOptions, draft: string): Promise<string> {
  const path = (number: number): string => join(options.folder, `${options.name}.lock.${number}`);
  const end = performance.now() + options.waitMs;
  await writeFile(draft, JSON.stringify({ ...ownProcess(), held: true } satisfies Claim));
  let told = false;
  for (;;) {
    options.signal?.throwIfAborted();
    const top = (await claims(options)).at(-1) ?? 0;
    const holder = top === 0 ? undefined : await readClaim(path(top));
    if (holder?.held && isAlive(holder)) {
      if (performance.now() > end) {
        throw new GeorefreshError('GR-5005', `process ${holder.pid} has held ${path(top)} for too long`);
      }
      if (!told) options.onWait?.(holder);
      told = true;
      await sleep(POLL_MS);
      continue;
    }
    if (!(await tryLink(draft, path(top + 1)))) continue;
    const all = await claims(options);
    if (all.at(-1) === top + 1) {
      await Promise.all(all.slice(0, -1).map((number) => rm(path(number), { force: true })));
      // The draft and the claim are one file by now: let go of it, so that the release is written to another.
      await rm(draft);
      return path(top + 1);
    }
    await rm(path(top + 1), { force: true });
  }
}

/** Numbers of the claims, ascending. */
async function claims({ folder, name }: LockOptions): Promise<number[]> {
  const prefix = `${name}.lock.`;
  return (await readdir(folder))
    .filter((file) => file.startsWith(prefix))
    .map((file) => Number(file.slice(prefix.length)))
    .sort((a, b) => a - b);
}

/** Undefined where the claim was superseded and deleted since it was listed; the caller then finds the newer one. */
async function readClaim(path: string): Promise<Claim | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Claim;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new GeorefreshError('GR-4006', 'a lock file is not JSON; remove it', {
      where: [{ file: path }],
      cause: error,
    });
  }
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
