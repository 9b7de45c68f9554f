import { mkdir } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FSWatcher, watch } from 'chokidar';
import type { Logger } from 'pino';
import type { SignalPacing } from '../workflows/messages.js';
import { lookAtSources, type SourcesSeen, type Unwatched } from './watch-look.js';

export interface WatchOptions {
  /** The home, below which `inputs` is watched, and where pipelines are defined. */
  settings: { home: string; pipelines: readonly string[]; watch: { every: number; settle: number } };
  /** Tells a pipeline of new data; rejects where the engine does not take it. */
  signal(pipeline: string, pacing: SignalPacing, fingerprint: string): Promise<void>;
  log: Logger;
}

/** What runs until `stop`, or until it fails. */
export interface Watching {
  done: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Signals a pipeline when the files of its sources under `inputs` are others than before, all of them are there, and
 * none changes any more. Changes that the system tells of are seen at once, the others (network drives tell of none)
 * when all are looked at again. What changed while nobody watched is seen at the start.
 */
export async function startWatching({ settings, signal, log }: WatchOptions): Promise<Watching> {
  const inputs = join(resolve(settings.home), 'inputs');
  await mkdir(inputs, { recursive: true });
  const ending = new AbortController();
  let wake = new AbortController();
  const eye = openEye(inputs, log, () => wake.abort());
  /** The state that was last seen of a pipeline's sources, and the one that was last signalled. */
  const seen = new Map<string, string | undefined>();
  const signalled = new Map<string, string>();
  const faults = new Map<string, string>();

  /** Looks at all sources and tells what is news; whether something changed, so that it is worth looking again soon. */
  const look = async (): Promise<boolean> => {
    const found = await lookAtSources(settings, inputs);
    const good = found.filter((one) => 'paths' in one);
    tellFaults(found);
    eye.follow(good.flatMap(({ paths }) => paths));
    let moves = false;
    for (const { pipeline, pacing, state } of good) {
      const isStill = seen.get(pipeline) === state;
      seen.set(pipeline, state);
      if (state === undefined || signalled.get(pipeline) === state) continue;
      // Files are whole when they are the same in two looks that follow each other.
      if (isStill) await tell(pipeline, pacing, state);
      else moves = true;
    }
    return moves;
  };

  const tell = async (pipeline: string, pacing: SignalPacing, state: string): Promise<void> => {
    try {
      await signal(pipeline, pacing, state);
      signalled.set(pipeline, state);
      log.info({ event: 'new_data', pipeline });
    } catch (error) {
      log.warn({ err: error, pipeline }, 'the engine did not take a signal; it is told again later');
    }
  };

  /** Each fault once, for as long as it stays the same. */
  const tellFaults = (found: readonly (SourcesSeen | Unwatched)[]): void => {
    for (const one of found) {
      const fault = 'fault' in one ? String(one.fault) : undefined;
      if (fault !== undefined && faults.get(one.pipeline) !== fault)
        log.warn({ pipeline: one.pipeline, fault }, 'a pipeline cannot be watched');
      if (fault === undefined) faults.delete(one.pipeline);
      else faults.set(one.pipeline, fault);
    }
  };

  const loop = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      const moves = await look();
      // Changes come in crowds: one look is for all that come within the time in which files settle.
      await pause(settings.watch.settle, ending.signal);
      if (!moves)
        await pause(
          Math.max(0, settings.watch.every - settings.watch.settle),
          AbortSignal.any([ending.signal, wake.signal]),
        );
      wake = new AbortController();
    }
  };
  const done = loop().finally(() => eye.close());
  done.catch(() => undefined); // Whoever asks for `done` hears of it.
  return {
    done,
    async stop() {
      ending.abort();
      await done.catch(() => undefined);
    },
  };
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => undefined);

interface Eye {
  /** Files to look out for; those of before that are not among them are forgotten. */
  follow(paths: readonly string[]): void;
  close(): Promise<void>;
}

/** Watches the folders that hold sources, and in them nothing else: people keep whatever they like beside. */
function openEye(inputs: string, log: Logger, onChange: () => void): Eye {
  let wanted = new Set<string>();
  let watcher: FSWatcher | undefined;
  const open = (paths: readonly string[]): FSWatcher => {
    const files = new Set(paths);
    const folders = new Set(paths.flatMap((path) => foldersOf(inputs, path)));
    const opened = watch(inputs, {
      ignoreInitial: true,
      ignored: (path) => !files.has(path) && !folders.has(path),
      ignorePermissionErrors: true,
    });
    opened.on('all', onChange);
    opened.on('error', (error) =>
      log.warn({ err: error }, 'changes are not told by the system; all is looked at from time to time'),
    );
    return opened;
  };
  const close = async (): Promise<void> => {
    await watcher?.close();
  };
  return {
    follow(paths) {
      if (paths.length === wanted.size && paths.every((path) => wanted.has(path))) return;
      wanted = new Set(paths);
      close().catch((error: unknown) => log.warn({ err: error }, 'a watcher did not end'));
      watcher = open(paths);
    },
    close,
  };
}

/** The folders from `inputs` down to a file. */
function foldersOf(inputs: string, path: string): string[] {
  const folders: string[] = [inputs];
  for (let folder = dirname(path); folder.startsWith(inputs + sep); folder = dirname(folder)) folders.push(folder);
  return folders;
}
