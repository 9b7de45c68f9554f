import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import envPaths from 'env-paths';
import { findOnPath } from '../../workers/engine/resolve.js';

/** The S3 server that tests start, or why there is none. */
export type ObjectServer = { path: string } | { missing: string };

const VERSION = '1.8.0';
const MODULE = 'github.com/versity/versitygw/cmd/versitygw';
const NAME = process.platform === 'win32' ? 'versitygw.exe' : 'versitygw';
const BUILD_MS = 15 * 60_000;

/** versitygw: on PATH, in the cache of this user, or built there with Go (two minutes, once) if `install` asks for it. */
export async function findObjectServer(install: boolean, say: (message: string) => void): Promise<ObjectServer> {
  const onPath = findOnPath(process.env, NAME);
  if (onPath !== undefined) return { path: onPath };
  const cache = process.env.GEOREFRESH_CACHE || envPaths('georefresh', { suffix: '' }).cache;
  const folder = join(cache, 'versitygw', VERSION);
  const path = join(folder, NAME);
  if (existsSync(path)) return { path };
  if (!install) return { missing: 'no versitygw on PATH or in the cache' };
  if (findOnPath(process.env, process.platform === 'win32' ? 'go.exe' : 'go') === undefined)
    return { missing: 'no versitygw, and no Go to build it with' };
  say(`building versitygw ${VERSION} with Go (once, about 2 minutes) …`);
  await mkdir(folder, { recursive: true });
  const GOBIN = await mkdtemp(join(folder, 'new-'));
  try {
    const env = { ...process.env, GOBIN, GOWORK: 'off', GOFLAGS: '' };
    await promisify(execFile)('go', ['install', `${MODULE}@v${VERSION}`], { env, cwd: GOBIN, timeout: BUILD_MS });
    await rename(join(GOBIN, NAME), path);
    return { path };
  } catch (error) {
    return { missing: `versitygw could not be built (${error instanceof Error ? error.message : String(error)})` };
  } finally {
    await rm(GOBIN, { recursive: true, force: true });
  }
}
