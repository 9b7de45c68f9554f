import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readdir, readFile, rename, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FolderRegister } from '../../lake/folder-register.js';
import { compileLake } from './support/compiled.js';
import { withFolder } from './support/temporary.js';

const text = (value: string): Uint8Array => Buffer.from(value);
const plain = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString();
const chainFile = (path: string, version: number): string =>
  path.replace(/([^/]+)$/, `.$1.versions/${String(version).padStart(12, '0')}`);

async function filled(path: string, states: number): Promise<FolderRegister> {
  const register = new FolderRegister(path);
  for (let n = 0; n < states; n++) await register.swap(text(`state ${n + 1}`), n === 0 ? undefined : String(n));
  return register;
}

describe('a register in a folder', () => {
  it(
    'gives each generation to one of 32 writers in four processes, released at one barrier',
    () =>
      withFolder(async (folder) => {
        await compileLake(join(folder, 'code'), ['folder-register.ts']);
        const [rounds, processes] = [8, 4];
        const path = join(folder, 'current.json');
        const barrier = join(folder, 'barrier');
        await mkdir(barrier);
        const module = pathToFileURL(join(folder, 'code/dist/lake/folder-register.js')).href;
        const script = join(import.meta.dirname, 'support/register-writer.mjs');
        const children = Array.from({ length: processes }, (_, writer) =>
          spawn(process.execPath, [script, module, path, String(writer), String(rounds), '8', barrier], {
            stdio: ['ignore', 'pipe', 'inherit'],
          }),
        );
        const printed = children.map(async (child) => {
          let all = '';
          for await (const block of child.stdout) all += String(block);
          return all
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line) as { round: number; answer: string; name: string }[]);
        });
        const exits = children.map((child) => once(child, 'exit'));
        for (let round = 0; round < rounds; round++) {
          const all = async (what: string): Promise<void> => {
            const count = async () =>
              (await readdir(barrier)).filter((name) => name.startsWith(`${what}-${round}-`)).length;
            while ((await count()) < processes) await setTimeout(2);
          };
          await all('ready');
          await writeFile(join(barrier, `go-${round}`), '');
          await all('done');
          const state = await new FolderRegister(path).read();
          expect(state?.version).toBe(String(round + 1));
          expect(await readFile(path, 'utf8')).toBe(plain(state?.value));
          await writeFile(join(barrier, `next-${round}`), '');
        }
        expect(await Promise.all(exits)).toEqual(children.map(() => [0, null]));
        const wins = (await Promise.all(printed)).flat(2);
        expect(wins.map(({ round }) => round).sort((a, b) => a - b)).toEqual(
          Array.from({ length: rounds }, (_, round) => round),
        );
        for (const { round, answer, name } of wins) {
          expect(answer).toBe(String(round + 1));
          expect((await readFile(chainFile(path, round + 1), 'utf8')).split('\n')[1]).toBe(`${round} ${name}`);
        }
      }),
    60_000,
  );

  it.each([
    ['its digest', 25],
    ['its value', 90],
  ])('reads a newest state of which a bit of %s was flipped by its copy, and settles it', (_, at) =>
    withFolder(async (folder) => {
      const path = join(folder, 'r.json');
      await filled(path, 3);
      const bytes = await readFile(chainFile(path, 3));
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      await writeFile(chainFile(path, 3), bytes);
      const state = await new FolderRegister(path).read();
      expect(plain(state?.value)).toBe('state 3');
      expect(state?.warning).toMatch(/state 3 .* damaged; the copy of it that people see is used/);
      await new FolderRegister(path).settle();
      expect(await new FolderRegister(path).read()).toEqual({ value: Buffer.from('state 3'), version: '4' });
    }),
  );

  it.each([
    ['empty', (path: string) => truncate(path, 0)],
    ['half', (path: string) => truncate(path, 50)],
    ['cut in its last byte', async (path: string) => truncate(path, (await readFile(path)).length - 1)],
    ['of zeros', async (path: string) => writeFile(path, Buffer.alloc((await readFile(path)).length))],
    ['another state', (path: string) => writeFile(path, 'whatever')],
  ])('steps over a newest state that is %s, says so, and goes on after it', (_, damage) =>
    withFolder(async (folder) => {
      const path = join(folder, 'r.json');
      await filled(path, 3);
      await damage(chainFile(path, 3));
      // What people see tells nothing of it either.
      await writeFile(path, 'state 2');
      const state = await new FolderRegister(path).read();
      expect(plain(state?.value)).toBe('state 2');
      expect(state?.warning).toMatch(/state 3 .* damaged; state 2 is used/);
      expect(await new FolderRegister(path).swap(text('x'), '2')).toBe('conflict');
      expect(await new FolderRegister(path).swap(text('new'), state?.version)).toBe('4');
      expect(await new FolderRegister(path).read()).toEqual({ value: Buffer.from('new'), version: '4' });
    }),
  );

  it('takes no notice of a visible file that is stale, empty or gone, and mends it with the next settle', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'r.json');
      const register = await filled(path, 2);
      for (const damage of [() => writeFile(path, 'state 1'), () => truncate(path, 0), () => unlink(path)]) {
        await damage();
        expect(plain((await register.read())?.value)).toBe('state 2');
        await register.settle();
        expect(await readFile(path, 'utf8')).toBe('state 2');
      }
      expect((await readdir(folder)).sort()).toEqual(['.r.json.versions', 'r.json']);
    }));

  it('goes on from the visible file where the chain was lost', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'r.json');
      await filled(path, 2);
      await rm(join(folder, '.r.json.versions'), { recursive: true });
      const register = new FolderRegister(path);
      const state = await register.read();
      expect(plain(state?.value)).toBe('state 2');
      expect(state?.warning).toMatch(/lost/);
      expect(await register.swap(text('x'), undefined)).toBe('conflict');
      expect(await register.swap(text('next'), state?.version)).toBe('1');
      expect(plain((await register.read())?.value)).toBe('next');
    }));

  it('fails typed where no whole state is left', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'r.json');
      await filled(path, 2);
      await truncate(chainFile(path, 1), 3);
      await truncate(chainFile(path, 2), 3);
      await expect(new FolderRegister(path).read()).rejects.toMatchObject({ code: 'GR-4006' });
    }));

  it('keeps a bounded chain, and refuses a writer that slept while its number was pruned', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'r.json');
      const register = await filled(path, 2);
      // A chain of 1,250 states, made by copying: swapping so often would take long.
      for (let n = 3; n <= 1299; n++) await copyFile(chainFile(path, 2), chainFile(path, n));
      expect(await new FolderRegister(path).swap(text('1300'), '1299')).toBe('1300');
      const kept = await readdir(join(folder, '.r.json.versions'));
      expect(kept).toHaveLength(1000);
      expect(kept.sort()[0]).toBe('000000000301');
      // The old writer still remembers number 2, whose successor's name is free again.
      expect(await register.swap(text('zombie'), '2')).toBe('conflict');
      expect(plain((await register.read())?.value)).toBe('1300');
    }));

  it('gives up a number that was taken before, where the writer froze between its look and its link', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'r.json');
      const zombie = await filled(path, 2);
      for (let n = 3; n <= 1299; n++) await copyFile(chainFile(path, 2), chainFile(path, n));
      await new FolderRegister(path).swap(text('1300'), '1299');
      // What the frozen writer saw is given back to it: state 2 as the newest.
      await writeFile(chainFile(path, 2), await readFile(chainFile(path, 1299)));
      expect(await zombie.swap(text('zombie'), '2')).toBe('conflict');
      expect(await readdir(join(folder, '.r.json.versions'))).not.toContain('000000000003');
    }));

  it(
    'agrees with a list of states under any order of reads, swaps, crashes between link and rename, and thaws',
    () =>
      fc.assert(
        fc.asyncProperty(fc.commands(commands(), { maxCommands: 25 }), (cmds) =>
          withFolder(async (folder) => {
            const path = join(folder, 'r.json');
            const real: Real = {
              path,
              registers: [new FolderRegister(path), new FolderRegister(path), new FolderRegister(path)],
            };
            await fc.asyncModelRun(() => ({ model: { states: [], shown: -1 }, real }), cmds);
          }),
        ),
        { numRuns: 60 },
      ),
    60_000,
  );
});

interface Model {
  states: string[];
  /** Index of the state that the visible file shows, -1 where there is none. */
  shown: number;
}
interface Real {
  path: string;
  registers: FolderRegister[];
}
type Command = fc.AsyncCommand<Model, Real>;

let names = 0;

class Swap implements Command {
  constructor(
    readonly who: number,
    readonly back: number,
    readonly crash: boolean,
    readonly same: boolean,
  ) {}
  check = () => true;
  async run(model: Model, real: Real): Promise<void> {
    const register = real.registers[this.who]!;
    const known = Math.max(0, model.states.length - this.back);
    const value = this.same ? 'the same' : `v${names++}`;
    const visible = await readFile(real.path).catch(() => undefined);
    const answer = await register.swap(text(value), known === 0 ? undefined : String(known));
    const wins = known === model.states.length;
    expect(answer).toBe(wins ? String(known + 1) : 'conflict');
    if (!wins) return;
    model.states.push(value);
    model.shown = model.states.length - 1;
    if (!this.crash) return;
    // As if the writer had died after its link: the visible file is what it was, and the writer remembers nothing.
    if (visible === undefined) await unlink(real.path);
    else await writeFile(real.path, visible);
    real.registers[this.who] = new FolderRegister(real.path);
    model.shown = -2;
  }
  toString = () => `swap(${this.who}, ${this.back} back${this.crash ? ', crash' : ''}${this.same ? ', same' : ''})`;
}

class Read implements Command {
  constructor(readonly who: number) {}
  check = () => true;
  async run(model: Model, real: Real): Promise<void> {
    const state = await real.registers[this.who]!.read();
    expect(plain(state?.value)).toBe(model.states.at(-1));
    expect(state?.version).toBe(model.states.length === 0 ? undefined : String(model.states.length));
    expect(state?.warning).toBeUndefined();
    const shown = await readFile(real.path, 'utf8').catch(() => undefined);
    if (model.shown !== -2) expect(shown).toBe(model.states[model.shown]);
  }
  toString = () => `read(${this.who})`;
}

/** A frozen writer wakes up, renames its old value over the visible file, and then looks again, as settle does. */
class Thaw implements Command {
  constructor(readonly who: number) {}
  check = (model: Readonly<Model>) => model.states.length > 1;
  async run(model: Model, real: Real): Promise<void> {
    await writeFile(`${real.path}.old`, model.states[0] ?? '');
    await rename(`${real.path}.old`, real.path);
    await real.registers[this.who]!.settle();
    model.shown = model.states.length - 1;
  }
  toString = () => `thaw(${this.who})`;
}

const commands = (): fc.Arbitrary<Command>[] => {
  const who = fc.nat({ max: 2 });
  return [
    fc.tuple(who, fc.constantFrom(0, 0, 0, 1, 2), fc.boolean(), fc.boolean()).map((args) => new Swap(...args)),
    who.map((one) => new Read(one)),
    who.map((one) => new Thaw(one)),
  ];
};
