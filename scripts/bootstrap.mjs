// Sets the project up as far as it is not (dependencies, build), then does what was asked: node scripts/bootstrap.mjs start.
// Plain JavaScript on Node's built-ins, no shell: it runs before anything is installed, on Windows too.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, isBuilt } from './build.mjs';
import { npmCli } from './npm-cli.mjs';
import { alone } from './setup-lock.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (...parts) => join(ROOT, ...parts);
const VITEST = at('node_modules', 'vitest', 'vitest.mjs');
const TSC = at('node_modules', 'typescript', 'bin', 'tsc');
/** npm writes it last. */
const INSTALLED = at('node_modules', '.package-lock.json');
const CRUISE = at('node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs');

/** What each command runs once it is set up: a file with its arguments; `build: false` where sources are enough. */
const COMMANDS = {
  start: { file: at('dist', 'client', 'cli', 'main.js'), args: ['start'] },
  test: {
    file: VITEST,
    args: ['run', '--project', 'unit', '--project', 'integration'],
    env: { GEOREFRESH_SETUP: '1' },
  },
  'test:all': { file: VITEST, args: ['run'], env: { GEOREFRESH_SETUP: 'all' } },
  'test:full': { file: VITEST, args: ['run'], env: { GEOREFRESH_SETUP: 'all', GEOREFRESH_FULL: '1' } },
  chaos: {
    file: VITEST,
    args: ['run', '--project', 'long', 'test/chaos/store.test.ts'],
    env: { GEOREFRESH_SETUP: '1' },
    options: { '--seed': 'GEOREFRESH_SEED', '--minutes': 'GEOREFRESH_CHAOS_MINUTES' },
  },
  bench: { file: at('bench', 'main.ts'), args: [], loader: true },
  lint: { file: at('node_modules', '@biomejs', 'biome', 'bin', 'biome'), args: ['ci'], build: false },
  types: { file: TSC, args: ['-p', 'tsconfig.json'], build: false },
  depcruise: { file: CRUISE, args: ['config', 'lake', 'activities', 'workflows', 'workers', 'client'], build: false },
  install: { build: false },
  build: {},
};

const say = (text) => process.stderr.write(`georefresh: ${text}\n`);
const readJson = (path) => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined);

/** Whether node_modules is what package-lock.json asks for, by the lockfile that npm leaves there when it has finished. */
function isInstalled() {
  const wanted = readJson(at('package-lock.json')).packages;
  const found = readJson(INSTALLED)?.packages;
  if (!found) return false;
  const fits = ({ os, cpu }) => (!os || os.includes(process.platform)) && (!cpu || cpu.includes(process.arch));
  // Installed on another kind of machine (a mounted folder): its native parts are of no use here.
  if (!Object.values(found).every((entry) => !entry.optional || fits(entry))) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '' || (entry.optional && !found[path])) return true;
    return found[path]?.version === entry.version && found[path].integrity === entry.integrity;
  });
}

/** Runs Node on a file, quietly; what it said is shown if it fails. */
function run(args, env = {}) {
  return new Promise((resolve, reject) => {
    const stdio = ['ignore', 'pipe', 'pipe'];
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      stdio,
      env: { ...process.env, ...env },
      windowsHide: true,
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => (said = (said + text).slice(-20_000)));
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`it failed:\n${said.trimEnd()}`))));
  });
}

async function step(what, work) {
  const started = Date.now();
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`;
  say(`${what} …`);
  const ticker = setInterval(() => say(`${what} … ${seconds()}`), 10_000);
  await work().finally(() => clearInterval(ticker));
  say(`${what}: done in ${seconds()}`);
}

/**
 * What package-lock.json names, no more and no less, which is verified. Not `npm ci`: it refuses a lockfile made where the
 * registry lacks the optional parts of other platforms, though it names all that is needed here.
 */
async function install() {
  // A tree that npm did not finish may hold packages with half their files.
  if (!existsSync(INSTALLED)) rmSync(at('node_modules'), { recursive: true, force: true });
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--include=dev', '--loglevel=error'];
  // One package would fetch files for graphics cards at its installation.
  await run([npmCli(), ...args], { ONNXRUNTIME_NODE_INSTALL: 'skip' });
  if (!isInstalled()) throw new Error('npm installed other versions than package-lock.json names');
}

async function setUp(needsBuild) {
  if (!isInstalled()) await step('installing dependencies (once, about a minute)', install);
  if (needsBuild && !isBuilt(ROOT)) await step('building', () => build(ROOT, (args) => run([TSC, ...args])));
}

/** Options of ours are told to the command by the environment. */
function withoutOptions({ options = {} }, given) {
  const rest = [];
  for (let i = 0; i < given.length; i++) {
    const variable = options[given[i]];
    if (variable === undefined) rest.push(given[i]);
    else process.env[variable] = given[++i] ?? '';
  }
  return rest;
}

async function main([name = 'start', ...given]) {
  if (Number(process.versions.node.split('.')[0]) < 20)
    throw new Error(`Node 20 or later is needed, this is ${process.version}`);
  const command = COMMANDS[name];
  if (!command) throw new Error(`no command ${name}; there are ${Object.keys(COMMANDS).join(', ')}`);
  const needsBuild = command.build !== false;
  const isReady = () => isInstalled() && (!needsBuild || isBuilt(ROOT));
  if (!isReady()) {
    await alone(
      at('.cache'),
      () => say('waiting for another set-up of this folder …'),
      () => setUp(needsBuild),
    );
  }
  if (!command.file) return;
  Object.assign(process.env, command.env);
  given = withoutOptions(command, given);
  process.chdir(ROOT);
  process.argv = [process.execPath, command.file, ...command.args, ...given];
  if (command.loader) await import(pathToFileURL(at('scripts', 'ts-loader.mjs')).href);
  // In this process: signals, exit code and terminal are the command's own.
  await import(pathToFileURL(command.file).href);
}

main(process.argv.slice(2)).catch((error) => {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
});
