import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { startFleet } from '../../client/fleet.js';
import { Restarts } from '../../client/restarts.js';
import { temporaryFolder } from '../support/home.js';

/** A worker that says that it is ready, and then lives, dies, or does not hear SIGTERM. */
async function program(how: 'lives' | 'dies' | 'deaf'): Promise<string> {
  const path = join(await temporaryFolder('fleet'), 'worker.mjs');
  const deaf = how === 'deaf' ? "process.on('SIGTERM', () => {});" : '';
  const end = how === 'dies' ? 'process.exit(3);' : 'setInterval(() => {}, 1000);';
  await writeFile(path, `${deaf} process.send('ready', () => { ${end} });`);
  return path;
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

async function until(done: () => boolean): Promise<void> {
  while (!done()) await sleep(20);
}

describe('worker processes', () => {
  test('one that is killed is replaced, and stop leaves none', async () => {
    const said: string[] = [];
    const gone: number[] = [];
    const fleet = startFleet({
      ...{ count: 2, program: await program('lives'), args: [], env: process.env },
      onRestart: (_, how) => said.push(how),
      onEnd: (pid) => gone.push(pid),
    });
    await fleet.ready;
    const [first = 0, second = 0] = fleet.pids();
    process.kill(first, 'SIGKILL');
    await until(() => fleet.pids().length === 2 && !fleet.pids().includes(first));
    expect(said).toEqual(['by SIGKILL']);
    expect(gone).toEqual([first]);
    expect(fleet.pids()).toContain(second);
    const left = fleet.pids();
    await fleet.stop();
    expect(left.filter(isAlive)).toEqual([]);
    expect(fleet.pids()).toEqual([]);
  });

  test('one that dies at once is given up after five restarts', async () => {
    const path = await program('dies');
    let restarts = 0;
    const fleet = startFleet({
      ...{ count: 1, program: path, args: [], env: process.env },
      onRestart: () => restarts++,
    });
    await expect(fleet.failed).rejects.toMatchObject({ code: 'GR-5006' });
    expect(restarts).toBe(5);
    await fleet.stop();
  });

  test('one that does not hear is killed after its time, or at once by force', async () => {
    const deaf = await program('deaf');
    for (const [stopMs, force] of [
      [300, new AbortController().signal],
      [60_000, AbortSignal.abort()],
    ] as const) {
      const fleet = startFleet({ count: 1, program: deaf, args: [], env: process.env, stopMs });
      await fleet.ready;
      const [pid = 0] = fleet.pids();
      await fleet.stop(force);
      expect(isAlive(pid)).toBe(false);
    }
  });

  test('the program is told where the engine is by its arguments, and the home by its environment', async () => {
    const folder = await temporaryFolder('fleet');
    const told = join(folder, 'told.json');
    const path = join(folder, 'worker.mjs');
    await writeFile(
      path,
      `import { writeFileSync } from 'node:fs';
       writeFileSync(${JSON.stringify(told)}, JSON.stringify({ args: process.argv.slice(2), home: process.env.GEOREFRESH_HOME }));
       process.send('ready'); setInterval(() => {}, 1000);`,
    );
    const fleet = startFleet({
      count: 1,
      program: path,
      args: ['--address', 'a:1'],
      env: { GEOREFRESH_HOME: '/home' },
    });
    await fleet.ready;
    await fleet.stop();
    expect(JSON.parse(await readFile(told, 'utf8'))).toEqual({ args: ['--address', 'a:1'], home: '/home' });
  });

  test('of restarts at any times, no six that were allowed lie within a minute', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(30_000), { maxLength: 60 }), (pauses) => {
        const restarts = new Restarts();
        const allowed: number[] = [];
        let now = 0;
        for (const pause of pauses) {
          now += pause;
          const recent = allowed.filter((at) => now - at < 60_000).length;
          const granted = restarts.allowed(now);
          expect(granted).toBe(recent < 5);
          if (granted) allowed.push(now);
        }
      }),
    );
  });
});
