import { setTimeout as sleep } from 'node:timers/promises';
import type { RunSummary } from '../../activities/types.js';
import type { Refresh } from '../refreshes.js';
import { drawRun, eventLine } from './lines.js';
import { newView, observe, observeEnd, type ProgressEvent, type RunView, standing } from './progress.js';
import type { Shell } from './shell.js';
import { shortRun } from './text.js';

/** How often the engine is asked, and how often a terminal is redrawn, in milliseconds. */
const LOOK_MS = 400;
const FRAME_MS = 100;
/** Off a terminal at least one line in this time. */
const STILL_THERE_MS = 30_000;
/** How long nobody may answer before people are told so. */
const SILENT_MS = 10_000;

/** What a watcher does with what is seen. */
interface Display {
  saw(view: RunView, events: ProgressEvent[]): void;
  /** Nobody has answered for a while. */
  silent(): void;
  end(): void;
}

/**
 * Shows how a refresh goes until it ends, or until `signal` aborts, which leaves the refresh running and gives 'detached'.
 * On a terminal the lines move; elsewhere a line a change; with --json an event a change. Rejects as `Refresh.result` does.
 */
export async function followRefresh(
  refresh: Refresh,
  shell: Shell,
  signal: AbortSignal,
): Promise<RunSummary | 'detached'> {
  const stopped = new AbortController();
  const display = await displayOf(refresh, shell);
  const looking = look(refresh, display, AbortSignal.any([signal, stopped.signal]));
  try {
    const detached = new Promise<'detached'>((resolve) => {
      if (signal.aborted) resolve('detached');
      signal.addEventListener('abort', () => resolve('detached'), { once: true });
    });
    // A wait that is given up must end before its connection does.
    const waiting = AbortSignal.any([signal, stopped.signal]);
    const result = await Promise.race([detached, refresh.result({ signal: waiting })]);
    stopped.abort();
    const view = await looking;
    if (result !== 'detached') {
      const end = observeEnd(view, result, performance.now());
      display.saw(end.view, end.events);
    }
    return result;
  } finally {
    stopped.abort();
    await looking;
    display.end();
  }
}

/** Looks until `signal` aborts; gives what it saw last. */
async function look(refresh: Refresh, display: Display, signal: AbortSignal): Promise<RunView> {
  let view = newView(refresh.pipeline, refresh.run);
  let heard = performance.now();
  while (!signal.aborted) {
    // A run that ended, or an engine that is being restarted, is the affair of whoever waits for the result.
    const seen = await refresh.progress().catch(() => undefined);
    if (signal.aborted) break;
    const now = performance.now();
    if (seen !== undefined) {
      const step = observe(view, seen, now);
      view = step.view;
      heard = now;
      display.saw(view, step.events);
    } else if (now - heard > SILENT_MS) {
      heard = now;
      display.silent();
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
  return view;
}

const NOBODY = 'no worker answers at the moment; the run goes on when one does';

async function displayOf(refresh: Refresh, shell: Shell): Promise<Display> {
  if (shell.json) return jsonDisplay(refresh, shell);
  if (shell.live) return liveDisplay(refresh, shell);
  return plainDisplay(refresh, shell);
}

function jsonDisplay({ pipeline, run }: Refresh, shell: Shell): Display {
  const tell = (event: ProgressEvent | { event: string }): void =>
    shell.object({ time: new Date().toISOString(), pipeline, run, ...event });
  tell({ event: 'run_started' });
  return { ...repeating((event) => tell(event)), silent: () => tell({ event: 'no_worker' }) };
}

function plainDisplay({ pipeline, run }: Refresh, shell: Shell): Display {
  const tell = (text: string): void =>
    shell.note(`${new Date().toISOString().slice(11, 19)} ${pipeline} ${shortRun(run)}  ${text}`);
  tell('started');
  return { ...repeating((event) => tell(eventLine(event))), silent: () => tell(NOBODY) };
}

/** Tells each event, and where things stand when there was none for a while. */
function repeating(tell: (event: ProgressEvent) => void): Omit<Display, 'silent'> {
  let told = performance.now();
  return {
    saw(view, events) {
      const now = performance.now();
      const due = events.length > 0 ? events : now - told >= STILL_THERE_MS ? standing(view) : [];
      if (due.length > 0) told = now;
      for (const event of due) tell(event);
    },
    end: () => undefined,
  };
}

async function liveDisplay(refresh: Refresh, shell: Shell): Promise<Display> {
  const { createLogUpdate } = await import('log-update');
  const update = createLogUpdate(shell.screen as NodeJS.WriteStream);
  const hint = `Ctrl-C leaves it running; stop it: georefresh cancel ${shortRun(refresh.run)}`;
  let view = newView(refresh.pipeline, refresh.run);
  let warnings: string[] = [];
  let frame = 0;
  const draw = (last = false): void => {
    const lines = drawRun(view, { now: performance.now(), frame: frame++, paint: shell.err });
    update(
      [
        ...lines,
        ...warnings.map((text) => shell.err.yellow(` ! ${text}`)),
        ...(last ? [] : [shell.err.dim(` ${hint}`)]),
      ].join('\n'),
    );
  };
  const ticker = setInterval(draw, FRAME_MS);
  draw();
  return {
    saw(seen, events) {
      view = seen;
      const retried = events.filter(({ event }) => event === 'step_retried').map(eventLine);
      warnings = [...warnings.filter((text) => text !== NOBODY), ...retried].slice(-3);
    },
    silent() {
      warnings = [...warnings.filter((text) => text !== NOBODY), NOBODY];
    },
    end() {
      clearInterval(ticker);
      draw(true);
      update.done();
    },
  };
}
