import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import envPaths from 'env-paths';

const run = promisify(execFile);

/** A Python with the packages of a requirements file, made once in the cache folder, outside the project. */
export async function python(requirements: string): Promise<string> {
  const folder = join(envPaths('georefresh', { suffix: '' }).cache, 'bench-python');
  const bin = join(folder, process.platform === 'win32' ? 'Scripts' : 'bin', 'python');
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  const mark = join(folder, '.requirements');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === digest) return bin;
  process.stderr.write('setting up the Python peer (once) …\n');
  await mkdir(folder, { recursive: true });
  await run('python3', ['-m', 'venv', folder]);
  await run(bin, ['-m', 'pip', 'install', '--quiet', '--requirement', requirements], { maxBuffer: 1 << 26 });
  await writeFile(mark, digest);
  return bin;
}

/** Runs a script that prints one JSON object. */
export async function pythonJson<T>(bin: string, args: string[]): Promise<T> {
  const { stdout } = await run(bin, args, { maxBuffer: 1 << 26 });
  return JSON.parse(stdout) as T;
}
