import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { dirname, extname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { init, parse } from 'es-module-lexer';
import type { CodeDigests } from '../activities/deps.js';
import { projectRoot } from '../config/root.js';

/** The folder above the rooms: `dist` where the build runs, the project where its sources do. */
const ROOMS = fileURLToPath(new URL('..', import.meta.url));

/** Kernels are named in a text and loaded by the pool's threads, so no import leads from who calls them to their code. */
const KERNELS = join(ROOMS, 'activities', 'pool', 'kernels.js');

/** Files that a module loads by its own address: `new URL('./kernel.wasm', import.meta.url)`. */
const BESIDE = /new URL\(\s*(['"`])(\.[^'"`]+)\1\s*,\s*import\.meta\.url\s*\)/g;

interface Module {
  sha256: string;
  /** Absolute paths. */
  imports: string[];
}

/**
 * Digests of code by the graph of its imports: that of a module covers every file of ours that it leads to, so an edit
 * changes the digests of exactly the modules that import it, near or far. What lies in node_modules is covered by
 * `packages`.
 */
export function readCode(rooms = ROOMS): CodeDigests {
  // Sources that run uncompiled are a developer's, whose edits come with a restart and a fresh home.
  if (extname(fileURLToPath(import.meta.url)) === '.ts') return uncompiled;
  const modules = new Map<string, Promise<Module>>();
  const load = (path: string): Promise<Module> => {
    let module = modules.get(path);
    if (module === undefined) {
      module = readModule(path, path === KERNELS ? new Map() : kernels());
      modules.set(path, module);
    }
    return module;
  };
  let byKernel: Promise<Map<string, string>> | undefined;
  const kernels = (): Promise<Map<string, string>> => {
    byKernel ??= readKernels();
    return byKernel;
  };
  const packages = readPackages();
  packages.catch(() => undefined); // Whoever asks hears of it.
  return {
    of: (...entries) => digestOf(entries.map((entry) => resolve(rooms, `${entry}.js`)).sort(), load, rooms),
    ofFile: (path) => digestOf([resolve(path)], load, dirname(path)),
    packages: () => packages,
  };
}

const uncompiled: CodeDigests = {
  of: async (...entries) => createHash('sha256').update(entries.join(' ')).digest('hex'),
  ofFile: async (path) =>
    createHash('sha256')
      .update(await readFile(path))
      .digest('hex'),
  packages: () => readPackages(),
};

async function digestOf(entries: string[], load: (path: string) => Promise<Module>, root: string): Promise<string> {
  const reached = new Map<string, string>();
  const open = [...entries];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (reached.has(path)) continue;
    const { sha256, imports } = await load(path);
    reached.set(path, sha256);
    open.push(...imports);
  }
  const lines = [...reached].map(([path, sha256]) => `${relative(root, path).replaceAll('\\', '/')} ${sha256}\n`);
  return createHash('sha256').update(lines.sort().join('')).digest('hex');
}

async function readModule(path: string, kernels: Map<string, string> | Promise<Map<string, string>>): Promise<Module> {
  const bytes = await readFile(path);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (extname(path) !== '.js') return { sha256, imports: [] };
  const text = bytes.toString('utf8');
  const beside = [...text.matchAll(BESIDE)].map(([, , file]) => resolve(dirname(path), file ?? ''));
  const named = [...(await kernels)].filter(([kernel]) => text.includes(`'${kernel}'`)).map(([, module]) => module);
  const files = beside.filter((file) => extname(file) !== '');
  return { sha256, imports: [...(await importsOf(path, text)).map(({ file }) => file), ...files, ...named] };
}

/** Imports of our own files, each with the text of its statement. */
async function importsOf(path: string, text: string): Promise<{ file: string; statement: string }[]> {
  await init;
  const [imports] = parse(text, path);
  return imports.flatMap(({ n: specifier, ss: start, se: end }) =>
    specifier?.startsWith('.') ? [{ file: resolve(dirname(path), specifier), statement: text.slice(start, end) }] : [],
  );
}

/** The module of each kernel of the pool, by its name. */
async function readKernels(): Promise<Map<string, string>> {
  const text = await readFile(KERNELS, 'utf8');
  return new Map(
    (await importsOf(KERNELS, text)).flatMap(({ file, statement }) => {
      const names = /\{([^}]*)\}/.exec(statement)?.[1] ?? '';
      return names
        .split(',')
        .map((name) => name.split(' as ').at(-1)?.trim() ?? '')
        .filter((name) => name !== '')
        .map((name): [string, string] => [name, file]);
    }),
  );
}

/** The packages as the lockfile names them, and what runs them: bytes are promised for one platform and one lockfile. */
async function readPackages(): Promise<string> {
  const root = projectRoot();
  const lock = await readFile(join(root, 'package-lock.json')).catch(() => readFile(join(root, 'package.json')));
  return createHash('sha256').update(`${process.version} ${platform()} ${arch()}\n`).update(lock).digest('hex');
}
