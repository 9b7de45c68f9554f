import { setTimeout as sleep } from 'node:timers/promises';
import type { Hold } from '../../lake/pointer.js';
import type { EngineStatus, OpenRun, PipelineStatus, Status } from '../status.js';
import { interruption, withClient } from './session.js';
import type { Shell } from './shell.js';
import { formatAge, formatTime, type Paint, shortRun, table } from './text.js';

const NONE = '–';
const WATCH_MS = 2_000;

/** The state of all pipelines as people read it: a row each, then what needs words, then the engine. */
export function statusText({ engine, pipelines }: Status, paint: Paint): string {
  const rows = pipelines.map((one) => [
    one.pipeline,
    ageText(one),
    stateText(one, engine),
    one.published?.modelVersion ?? NONE,
    lastText(one),
    one.next_scheduled_run === null ? NONE : formatTime(one.next_scheduled_run),
  ]);
  const head = ['PIPELINE', 'DATA AS OF', 'STATE', 'MODEL', 'LAST RUN', 'NEXT'];
  const grid =
    pipelines.length === 0
      ? 'no pipeline is defined; georefresh init NAME makes one, GEOREFRESH_PIPELINES names folders'
      : table(head, rows, paint);
  const remarks = pipelines.flatMap((one) => remarksOf(one, paint));
  return [grid, ...remarks, paint.dim(engineText(engine))].join('\n');
}

const ageText = ({ published, ageSeconds }: PipelineStatus): string =>
  published === null || ageSeconds === null ? NONE : `${formatTime(published.logicalTime)} (${formatAge(ageSeconds)})`;

function stateText({ running, published, fault }: PipelineStatus, { state }: EngineStatus): string {
  const [first] = running;
  if (fault !== undefined) return 'unreadable';
  if (first !== undefined) return runningText(first);
  if (published === null) return 'nothing published yet';
  const held = published.hold === null ? '' : 'held at ';
  const restored = published.restored === null ? '' : `, content of ${published.restored}`;
  return `${held}generation ${published.generation}${restored}${published.sample ? ', from samples' : ''}${state === 'silent' ? ' (engine silent)' : ''}`;
}

function runningText({ run, progress }: OpenRun): string {
  const name = `run ${shortRun(run)}`;
  if (progress === null) return `${name} waits for a worker`;
  if (progress.waiting) return `${name} waits for its turn`;
  const stage = progress.stages.find(({ running }) => running.length > 0);
  return stage === undefined ? `${name} under way` : `${name}: ${stage.stage} ${stage.done}/${stage.steps}`;
}

const lastText = ({ lastRun }: PipelineStatus): string =>
  lastRun === null
    ? NONE
    : `${shortRun(lastRun.run)} ${lastRun.outcome}${lastRun.outcome !== 'failed' || lastRun.error === null ? '' : ` ${lastRun.error.code}`}`;

function remarksOf({ pipeline, published, lastRun, fault, delivered }: PipelineStatus, paint: Paint): string[] {
  return [
    ...(delivered === null || published === null
      ? []
      : [deliveredText(pipeline, published.generation, delivered, paint)]),
    ...(fault === undefined ? [] : [paint.red(`  ${pipeline}: ${fault}`)]),
    ...(published?.hold == null ? [] : [paint.yellow(holdText(pipeline, published.hold))]),
    ...(published?.warnings ?? []).map((warning) => paint.yellow(`  ${pipeline}: ${warning}`)),
    ...(lastRun?.outcome === 'failed' && lastRun.error
      ? [paint.red(`  ${pipeline}: ${lastRun.error.code} ${lastRun.error.message.split('\n')[0]}`)]
      : []),
  ];
}

function deliveredText(
  pipeline: string,
  generation: number,
  delivered: NonNullable<PipelineStatus['delivered']>,
  paint: Paint,
): string {
  const told = `  ${pipeline}: generation ${delivered.generation} was delivered to PostgreSQL at ${formatTime(delivered.at)}`;
  return delivered.generation >= generation
    ? paint.dim(told)
    : paint.yellow(`${told}, ${generation} not yet (georefresh deliver ${pipeline})`);
}

const holdText = (pipeline: string, { by, at, reason }: Hold): string =>
  `  ${pipeline} is held by ${by} since ${formatTime(at)}: ${reason} (georefresh release ${pipeline})`;

export function engineText({ state, address, ui, workers, reason }: EngineStatus): string {
  if (state === 'down') return 'engine down; georefresh up keeps one, other commands bring it for their own life';
  if (state === 'silent')
    return `engine does not answer${address === undefined ? '' : ` at ${address}`}${reason === undefined ? '' : `: ${reason}`}`;
  const counted = workers === undefined ? '' : `, ${workers} worker ${workers === 1 ? 'process' : 'processes'}`;
  return `engine up at ${address ?? 'an unknown address'}${counted}${ui === undefined ? '' : `, ${ui}`}`;
}

/** Looks every two seconds until Ctrl-C. Off a terminal, and with --json, only what has changed is printed. */
export async function watchStatus(shell: Shell, pipeline: string | undefined): Promise<void> {
  const stop = interruption(() => process.exit());
  const draw = await drawing(shell);
  let told = '';
  try {
    while (!stop.gently.aborted) {
      // A client of its own for each look: the engine may come and go meanwhile, and move.
      const status = await withClient(shell, (client) => client.status(pipeline));
      const text = shell.json
        ? JSON.stringify({ time: new Date().toISOString(), ...status })
        : statusText(status, shell.out);
      const fresh = JSON.stringify({ ...status, pipelines: status.pipelines.map(({ ageSeconds: _, ...one }) => one) });
      if (draw !== undefined) draw.update(text);
      else if (fresh !== told) shell.data(text);
      told = fresh;
      await sleep(WATCH_MS, undefined, { signal: stop.gently }).catch(() => undefined);
    }
  } finally {
    draw?.done();
    stop.dispose();
  }
}

/** Lines that are drawn over, where somebody looks at a terminal. */
async function drawing(shell: Shell): Promise<{ update(text: string): void; done(): void } | undefined> {
  if (!shell.live) return undefined;
  const { createLogUpdate } = await import('log-update');
  const update = createLogUpdate(shell.screen as NodeJS.WriteStream);
  return { update: (text) => update(text), done: () => update.done() };
}
