import { formatCount } from '../../activities/publish/format.js';
import type { RunSummary } from '../../activities/types.js';
import type { ProgressEvent, RunView, StageView } from './progress.js';
import { formatRate, formatRoughly, formatTime, type Paint, seconds, shortRun } from './text.js';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const BAR = 11;
const NAME = 10;
/** Below these a guess at the time left says nothing. */
const LEAST_SHARE = 0.08;
const LEAST_SECONDS = 2;

export interface Drawing {
  /** Milliseconds, of the same clock as the view's times. */
  now: number;
  /** Counts redraws; moves the spinner. */
  frame: number;
  paint: Paint;
}

/** A run as lines for a terminal: done stages, those under way with their bars, those ahead in one line. */
export function drawRun(view: RunView, { now, frame, paint }: Drawing): string[] {
  const spinner = FRAMES[frame % FRAMES.length] ?? '';
  const lines = [title(view, paint)];
  if (view.waiting) lines.push(` ${paint.cyan(spinner)} waits for another run of this pipeline to end`);
  else if (view.stages.length === 0) lines.push(` ${paint.cyan(spinner)} reads the definition, looks for the sources`);
  for (const stage of view.stages) {
    if (stage.state === 'done') lines.push(` ${paint.green('✓')} ${doneText(stage)}`);
    if (stage.state === 'running') lines.push(...runningLines(stage, now, spinner, paint));
  }
  const ahead = view.stages.filter(({ state }) => state === 'ahead');
  if (ahead.length > 0) lines.push(paint.dim(` ${ahead.map(({ stage }) => `○ ${stage}`).join('  ')}`));
  return lines;
}

const title = ({ pipeline, logicalTime, run }: RunView, paint: Paint): string =>
  [
    paint.bold(pipeline),
    ...(logicalTime === '' ? [] : [formatTime(logicalTime)]),
    paint.dim(`run ${shortRun(run)}`),
  ].join('  ');

const column = (text: string, width: number): string => text.padEnd(width);
const steps = (count: number): string => `${count} ${count === 1 ? 'step' : 'steps'}`;

function doneText({ stage, steps: count, rowsOut, quarantined, startedAt, endedAt }: StageView): string {
  const took = startedAt === undefined || endedAt === undefined ? '' : seconds((endedAt - startedAt) / 1000);
  const parts = [
    column(stage, NAME),
    column(steps(count), 10),
    `${formatCount(rowsOut)} rows`.padStart(16),
    took.padStart(8),
  ];
  return [...parts, ...putAside(quarantined)].join(' ').trimEnd();
}

const putAside = (rows: number): string[] => (rows > 0 ? [` ${formatCount(rows)} quarantined`] : []);

function runningLines(stage: StageView, now: number, spinner: string, paint: Paint): string[] {
  const filled = Math.round(stage.share * BAR);
  const bar = paint.cyan('█'.repeat(filled)) + paint.dim('░'.repeat(BAR - filled));
  const counts = [
    `${stage.done}/${stage.steps} steps`,
    ...(stage.rowsOut > 0 ? [`${formatCount(stage.rowsOut)} rows`] : []),
  ];
  const first = ` ${paint.cyan(spinner)} ${column(stage.stage, NAME)} ${bar} ${counts.join('  ')}${putAside(stage.quarantined).join('')}`;
  const left = secondsLeft(stage, now);
  const more = [
    ...(stage.rate === undefined ? [] : [formatRate(stage.rate.perSecond, stage.rate.unit)]),
    ...(left === undefined ? [] : [`${formatRoughly(left)} left`]),
    ...(stage.running.length === 0 ? [] : [underWay(stage.running)]),
  ];
  return more.length === 0 ? [first] : [first, paint.dim(`   ${' '.repeat(NAME)} ${more.join('   ')}`)];
}

/** Names of running steps without their stage, as many as fit a line. */
function underWay(running: readonly string[]): string {
  const names = running.map((id) => id.slice(id.indexOf('/') + 1));
  const shown = names.slice(0, 2).join(', ');
  return names.length > 2 ? `${shown} and ${names.length - 2} more` : shown;
}

/** Rough on purpose: what is left takes as long as what is done took. Undefined while too little is done to tell. */
export function secondsLeft({ share, startedAt }: StageView, now: number): number | undefined {
  if (startedAt === undefined || share < LEAST_SHARE || share >= 1) return undefined;
  const passed = (now - startedAt) / 1000;
  return passed < LEAST_SECONDS ? undefined : (passed * (1 - share)) / share;
}

/** An event as one line of a log. */
export function eventLine(event: ProgressEvent): string {
  switch (event.event) {
    case 'waiting':
      return 'waits for another run of this pipeline to end';
    case 'planned':
      return `planned${event.logicalTime === '' ? '' : ` for ${formatTime(event.logicalTime)}`}: ${event.stages.map(({ stage, steps: count }) => `${stage} ${count}`).join(', ')}`;
    case 'stage_started':
      return `${column(event.stage, NAME)} started, ${steps(event.steps)}`;
    case 'stage_completed':
      return [
        `${column(event.stage, NAME)} done, ${formatCount(event.rowsOut)} rows in ${seconds(event.seconds)}`,
        ...putAside(event.quarantined),
      ].join(',');
    case 'stage_progress':
      return `${column(event.stage, NAME)} ${event.done}/${event.steps} steps, ${Math.round(event.share * 100)} %`;
    case 'step_retried':
      return `${event.step} is tried again (attempt ${event.attempt}): ${event.reason.split('\n')[0]}`;
  }
}

/** Stages of a run that has ended, with the times that its workers measured. */
export function summaryLines(summary: Pick<RunSummary, 'stages'>, paint: Paint): string[] {
  return Object.entries(summary.stages).map(([stage, { seconds: took, steps: count, reused, rowsOut }]) => {
    const parts = [
      column(stage, NAME),
      column(steps(count), 10),
      `${formatCount(rowsOut)} rows`.padStart(16),
      seconds(took).padStart(8),
    ];
    return ` ${paint.green('✓')} ${parts.join(' ')}${reused > 0 ? `  ${reused} reused` : ''}`;
  });
}

/** The one line that every refresh ends with, for grep. */
export function doneLine(
  summary: Pick<RunSummary, 'stages' | 'quarantined' | 'seconds' | 'run'> & { outcome: string },
): string {
  const stages = Object.values(summary.stages);
  const reused = stages.reduce((sum, stage) => sum + stage.reused, 0);
  const ran = stages.reduce((sum, stage) => sum + stage.steps, 0) - reused;
  const facts = {
    outcome: summary.outcome,
    ran,
    reused,
    quarantined: summary.quarantined,
    seconds: summary.seconds.toFixed(1),
    run: summary.run,
  };
  return `Done. ${Object.entries(facts)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ')}`;
}
