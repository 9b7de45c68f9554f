import { randomUUID } from 'node:crypto';
import { mkdir, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { formatBytes } from '../activities/publish/format.js';
import { codeOf, ERRORS, type ErrorCode, GeorefreshError } from '../config/errors.js';
import { listPipelines, loadPipeline } from '../config/load.js';
import { readSettings } from '../config/settings.js';
import { listRuns, readRun } from '../lake/runs.js';
import type { ObjectStore } from '../lake/types.js';
import { openStore } from './store.js';

/** What a look at one thing found. */
export interface Finding {
  name: string;
  state: 'good' | 'doubtful' | 'wrong';
  text: string;
  remedy?: string;
  code?: ErrorCode;
}

type Settings = Awaited<ReturnType<typeof readSettings>>;

const OLDEST_NODE = 20;
/** A run keeps its artifacts, a scratch copy of what it reads, and its outputs; a new one may make all of them anew. */
const ROOM_FACTOR = 3;
/** What the first run of a pipeline is thought to need, in bytes. */
const FIRST_RUN = 1e9;
/** A clock that differs by more than this from the store's is worth a word, in milliseconds. */
const CLOCK_MS = 2_000;

/** Looks at everything that a refresh needs, changes nothing, and goes on after a fault; with `lake` reads all that is kept. */
export async function examine(env: NodeJS.ProcessEnv, { lake = false }: { lake?: boolean } = {}): Promise<Finding[]> {
  const findings: Finding[] = [node()];
  let settings: Settings;
  try {
    settings = await readSettings(env);
    findings.push({ name: 'settings', state: 'good', text: `home ${settings.home}` });
  } catch (error) {
    return [...findings, fault('settings', error)];
  }
  const parts = await Promise.all([
    attempt('home', () => home(settings.home)),
    attempt('store', () => store(settings)),
    attempt('pipelines', () => definitions(settings)),
    attempt('engine', () => engine(settings, env)),
    ...(lake ? [attempt('lake', async () => (await import('./doctor-lake.js')).lakeFindings(settings))] : []),
  ]);
  return [...findings, ...parts.flat()];
}

const fault = (name: string, error: unknown): Finding => {
  const code = codeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  return { name, state: 'wrong', text, remedy: ERRORS[code].remedy, code };
};

async function attempt(name: string, look: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await look();
  } catch (error) {
    return [fault(name, error)];
  }
}

function node(): Finding {
  const major = Number(process.versions.node.split('.')[0]);
  const enough = major >= OLDEST_NODE;
  return {
    name: 'node',
    state: enough ? 'good' : 'wrong',
    text: `${process.versions.node}${enough ? '' : `, and ${OLDEST_NODE} or later is needed`}`,
  };
}

async function home(folder: string): Promise<Finding[]> {
  const path = join(folder, `.doctor-${randomUUID()}`);
  try {
    await mkdir(folder, { recursive: true });
    const file = await open(path, 'wx');
    try {
      await file.writeFile('x');
      await file.sync();
    } finally {
      await file.close();
    }
    return [{ name: 'home', state: 'good', text: 'can be written' }];
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new GeorefreshError(code === 'ENOSPC' ? 'GR-5003' : 'GR-5004', `${folder} (${code ?? 'unknown reason'})`, {
      cause: error,
    });
  } finally {
    await rm(path, { force: true }).catch(() => undefined);
  }
}

/** A round trip through the store, the store's clock, and the room that its disk has for the next run. */
async function store(settings: Settings): Promise<Finding[]> {
  const opened = await openStore(settings);
  const key = `doctor-${randomUUID()}`;
  const before = Date.now();
  let changed: number | undefined;
  try {
    await opened.putIfAbsent(key, Buffer.from(key));
    const after = Date.now();
    if ((await opened.putIfAbsent(key, Buffer.from('second'))) !== 'exists')
      throw new GeorefreshError('GR-5009', `${opened.base} let a second writer of ${key} win`);
    if (Buffer.from(await opened.get(key)).toString() !== key) throw new GeorefreshError('GR-4005', key);
    for await (const { modified } of opened.list(key)) changed = modified.getTime();
    const off = changed === undefined ? 0 : changed < before ? changed - before : changed > after ? changed - after : 0;
    const clock: Finding = {
      name: 'clock',
      state: Math.abs(off) > CLOCK_MS ? 'doubtful' : 'good',
      text: `${off >= 0 ? '+' : '−'}${Math.abs(Math.round(off))} ms against the store's`,
    };
    return [
      { name: 'store', state: 'good', text: `${opened.base}: written, read and deleted` },
      await disk(settings, opened),
      clock,
    ];
  } finally {
    await opened.delete(key).catch(() => undefined);
  }
}

async function disk(settings: Settings, opened: ObjectStore): Promise<Finding> {
  const { bavail, bsize } = await statfs(settings.home);
  const free = bavail * bsize;
  const needed = await roomOf(settings, opened);
  const text = `${formatBytes(free)} free, a refresh needs about ${formatBytes(needed)}`;
  if (free >= needed) return { name: 'disk', state: 'good', text };
  return { name: 'disk', state: 'wrong', text, remedy: 'free some space', code: 'GR-5003' };
}

/** Bytes that the largest of the pipelines' last runs kept, with room for copies. */
async function roomOf(settings: Settings, opened: ObjectStore): Promise<number> {
  const pipelines = await listPipelines(settings);
  const sizes = await Promise.all(
    pipelines.map(async ({ name }) => {
      const [last] = await listRuns(opened, name, { limit: 1 });
      if (last === undefined) return FIRST_RUN;
      const { sources, steps, outputs } = await readRun(opened, name, last.run);
      const kept = [...sources, ...steps.flatMap((step) => Object.values(step.outputs)), ...outputs];
      return ROOM_FACTOR * kept.reduce((sum, { bytes }) => sum + bytes, 0);
    }),
  );
  return Math.max(0, ...sizes);
}

async function definitions(settings: Settings): Promise<Finding[]> {
  const found = await listPipelines(settings);
  if (found.length === 0)
    return [{ name: 'pipelines', state: 'doubtful', text: `none in ${settings.pipelines.join(', ')}` }];
  return Promise.all(
    found.map(async ({ name }): Promise<Finding> => {
      try {
        const { pipeline } = await loadPipeline(name, settings);
        const { sources, outputs } = pipeline;
        return {
          name: 'pipeline',
          state: 'good',
          text: `${name}: ${Object.keys(sources).length} sources, ${Object.keys(outputs).length} outputs`,
        };
      } catch (error) {
        return fault('pipeline', error);
      }
    }),
  );
}

async function engine(settings: Settings, env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const { liveWorkers, prospectOf, reachEngine, runningUp } = await import('./embedded.js');
  const reached = await reachEngine(settings, env);
  if (reached === undefined) {
    const { text, ready } = await prospectOf(env);
    const workers: Finding = { name: 'workers', state: 'good', text: 'none needed: a command brings its own' };
    return [{ name: 'engine', state: ready ? 'good' : 'doubtful', text }, workers];
  }
  const { unpolledQueues } = await import('./pollers.js');
  try {
    const { connection, address, ui, namespace } = reached;
    const { serverVersion } = await connection.workflowService.getSystemInfo({});
    const up = await runningUp(settings.home);
    const found: Finding = {
      name: 'engine',
      state: 'good',
      text: `${serverVersion ?? 'unknown version'} at ${address}${up ? ` (up, process ${up.pid})` : ''}`,
    };
    if (ui !== undefined) {
      const workers = await liveWorkers(settings.home);
      const text =
        workers.length === 0
          ? 'none that stay: a command brings its own'
          : `${workers.length} (${workers.map(({ pid }) => pid).join(', ')})`;
      return [found, { name: 'workers', state: 'good', text }];
    }
    const unpolled = await unpolledQueues(connection, namespace);
    if (unpolled.length === 0) return [found, { name: 'workers', state: 'good', text: 'all task queues are polled' }];
    return [
      found,
      {
        name: 'workers',
        state: 'doubtful',
        text: `nobody polls ${unpolled.join(', ')}`,
        remedy: 'georefresh up starts workers for it',
      },
    ];
  } finally {
    await reached.connection.close();
  }
}
