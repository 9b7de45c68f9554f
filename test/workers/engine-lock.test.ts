import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { withLock } from '../../workers/engine/lock.js';
import { endProcess, isAlive, ownProcess, startTimeOf } from '../../workers/engine/process.js';
import { boundLog, logTail } from '../../workers/engine/state.js';
import { temporaryFolder } from '../support/home.js';

const LOADER = fileURLToPath(new URL('../../scripts/ts-loader.mjs', import.meta.url));
const LOCK = new URL('../../workers/engine/lock.ts', import.meta.url).href;

/** Takes the lock again and again, and holds up a sign that only one process may hold up at a time. */
const CONTENDER = (folder: string): string => `
import { open, rm } from 'node:fs/promises';
const { withLock } = await import(${JSON.stringify(LOCK)});
const folder = ${JSON.stringify(folder)};
for (let turn = 0; turn < 15; turn++) {
  await withLock({ folder, name: 'x', waitMs: 20000 }, async () => {
    const sign = await open(folder + '/sign', 'wx');
    await sign.close();
    if (turn === 7 && process.argv[1] === 'dies') process.kill(process.pid, 'SIGKILL');
    await rm(folder + '/sign');
  });
}`;

const idle = () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
};

describe('the lock between processes', () => {
  test('lets one in at a time', async () => {
    const folder = await temporaryFolder('lock');
    let inside = 0;
    const visit = (): Promise<void> =>
      withLock({ folder, name: 'x', waitMs: 10_000 }, async () => {
        expect(++inside).toBe(1);
        await sleep(2);
        inside--;
      });
    await Promise.all(Array.from({ length: 8 }, visit));
    expect((await readdir(folder)).filter((file) => file.startsWith('x.lock.'))).toEqual(['x.lock.8']);
  });

  test('holds between processes, and one that is killed inside frees it', async () => {
    const folder = await temporaryFolder('lock');
    const run = async (how: string): Promise<number | null> => {
      const args = ['--import', LOADER, '--input-type=module', '-e', CONTENDER(folder), how];
      const child = spawn(process.execPath, args, { stdio: 'inherit' });
      return (await once(child, 'exit'))[0] as number | null;
    };
    expect(await run('dies')).toBeNull();
    expect(await readdir(folder)).toContain('sign');
    await withLock({ folder, name: 'x', waitMs: 1000 }, async () => {
      const { rm } = await import('node:fs/promises');
      await rm(join(folder, 'sign'));
    });
    expect(await Promise.all(['a', 'b', 'c'].map(run))).toEqual([0, 0, 0]);
  });

  test('a claim whose pid belongs to another process by now is stale', async () => {
    const folder = await temporaryFolder('lock');
    const claim = { ...ownProcess(), startTime: 'long ago', held: true };
    await writeFile(join(folder, 'x.lock.4'), JSON.stringify(claim));
    expect(await withLock({ folder, name: 'x', waitMs: 0 }, () => Promise.resolve('in'))).toBe('in');
    expect(await readdir(folder)).toEqual(['x.lock.5']);
  });

  test('is freed by work that fails, and waits no longer than asked', async () => {
    const folder = await temporaryFolder('lock');
    const options = { folder, name: 'x', waitMs: 100 };
    await expect(withLock(options, () => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
    await withLock(options, async () => {
      await expect(withLock(options, () => Promise.resolve())).rejects.toMatchObject({ code: 'GR-5005' });
    });
  });
});

describe('a process', () => {
  test('is itself by pid and start time together', () => {
    const self = ownProcess();
    expect(isAlive(self)).toBe(true);
    expect(isAlive({ ...self, startTime: 'before' })).toBe(false);
    expect(startTimeOf(0)).toBeUndefined();
    expect(startTimeOf(2 ** 22 + 1)).toBeUndefined();
  });

  test('is ended, by force where it does not listen, and never if it is another one', async () => {
    const deaf = spawn(process.execPath, [
      '-e',
      "process.on('SIGTERM', () => {}); console.log(1); setInterval(() => {}, 999)",
    ]);
    onTestFinished(() => void deaf.kill('SIGKILL'));
    await once(deaf.stdout, 'data');
    const id = { pid: deaf.pid as number, startTime: startTimeOf(deaf.pid as number) ?? '' };
    expect(await endProcess({ ...id, startTime: 'other' }, 100)).toBe('gone');
    expect(isAlive(id)).toBe(true);
    expect(await endProcess(id, 100)).toBe('killed');
    expect(isAlive(id)).toBe(false);

    const meek = idle();
    const other = { pid: meek.pid as number, startTime: startTimeOf(meek.pid as number) ?? '' };
    expect(await endProcess(other, 5000)).toBe('ended');
  });
});

describe("the engine's log", () => {
  test('is cut when it grows too large, while its writer goes on appending', async () => {
    const path = join(await temporaryFolder('log'), 'engine.log');
    await writeFile(path, 'one\ntwo\n', { flag: 'a' });
    await boundLog(path, 100);
    expect(await logTail(path, 1)).toBe('two');
    await boundLog(path, 4);
    expect(await readFile(path, 'utf8')).toBe('');
    expect(await logTail(`${path}.1`, 2)).toBe('one\ntwo');
  });
});
