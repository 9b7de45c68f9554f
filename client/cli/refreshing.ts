import type { RunSummary } from '../../activities/types.js';
import type { ErrorCode } from '../../config/errors.js';
import { readSettings } from '../../config/settings.js';
import type { RefreshInput } from '../../workflows/messages.js';
import type { Georefresh, Manifest, Refresh } from '../index.js';
import { followRefresh } from './follow.js';
import { doneLine, summaryLines } from './lines.js';
import { exitOf, type Problem, problemBlock, problemOf } from './problems.js';
import { interruption, withRunningEngine } from './session.js';
import type { Shell } from './shell.js';
import { formatTime, shortRun } from './text.js';

/** What `refresh --json` ends with: the run's summary, or as much of it as there is where it has not ended well. */
export interface RefreshReport extends Omit<RunSummary, 'outcome'> {
  outcome: RunSummary['outcome'] | 'started';
  error?: Problem;
}

export interface RefreshChoice {
  /** Leaves as soon as the engine has written the request down. */
  detach?: boolean;
}

/** 128 and the number of SIGINT, as shells count. */
const INTERRUPTED = 130;
/** How long a command waits for a database that is away. */
const DELIVERED_MS = 30_000;
const CANCELLED: ErrorCode = 'GR-3006';

/**
 * Starts a refresh, follows it to its end and prints its result. Ctrl-C leaves it running. Returns the report; the exit
 * code is set on the shell.
 */
export async function refreshAndReport(
  shell: Shell,
  request: RefreshInput,
  choice: RefreshChoice = {},
): Promise<RefreshReport> {
  const stop = interruption(() => process.exit(INTERRUPTED));
  try {
    return await withRunningEngine(shell, stop.gently, async (client, { ours }) => {
      const refresh = await client.refresh(request);
      const began = performance.now();
      const elapsed = (): number => Math.round(performance.now() - began) / 1000;
      try {
        const result = choice.detach ? ('detached' as const) : await followRefresh(refresh, shell, stop.gently);
        if (result === 'detached') return detached(shell, refresh, ours, elapsed());
        if (ours) await delivered(shell, client, result, stop.gently);
        return ended(shell, result);
      } catch (error) {
        return await failed(shell, client, refresh, error, elapsed());
      }
    });
  } finally {
    stop.dispose();
  }
}

/** An engine that is there for this command alone goes with it: what is to be delivered is waited for, but not for long. */
async function delivered(
  shell: Shell,
  client: Georefresh,
  { pipeline, outcome }: RunSummary,
  signal: AbortSignal,
): Promise<void> {
  if (outcome !== 'published' && outcome !== 'unchanged') return;
  const [settings, { delivers }] = await Promise.all([readSettings(shell.env), import('../deliveries.js')]);
  if (!(await delivers(settings, pipeline))) return;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(DELIVERED_MS)]);
  try {
    const { state, there, tables } = await client.deliver({ pipeline }, { signal: limit });
    const count = `${tables.length} ${tables.length === 1 ? 'table' : 'tables'}`;
    if (state !== 'nothing') shell.note(`PostgreSQL has generation ${there} of ${pipeline} (${state}, ${count})`);
  } catch (error) {
    const why = limit.aborted ? 'it was not there in time' : problemOf(error).message;
    shell.note(`! not delivered to PostgreSQL yet: ${why}; once it is up: georefresh deliver ${pipeline}`);
  }
}

function ended(shell: Shell, summary: RunSummary): RefreshReport {
  if (shell.json) shell.object(summary);
  else {
    if (!shell.live) for (const line of summaryLines(summary, shell.err)) shell.note(line);
    if (summary.sample) shell.note('made from the sample inputs that come with the pipeline');
    if (summary.outcome === 'held') shell.note(heldText(summary.pipeline));
    shell.data(doneLine(summary));
  }
  return summary;
}

const heldText = (pipeline: string): string =>
  `nothing was published: ${pipeline} is held (georefresh status says by whom and why); let it: georefresh release ${pipeline}`;

function detached(shell: Shell, { run, pipeline }: Refresh, ours: boolean, seconds: number): RefreshReport {
  const report: RefreshReport = { ...blank(pipeline, run), outcome: 'started', seconds };
  shell.note(
    `run ${shortRun(run)} goes on without this command${ours ? ', once an engine is up again: georefresh up' : ''}`,
  );
  shell.note(`stop it: georefresh cancel ${shortRun(run)}`);
  if (shell.json) shell.object(report);
  else shell.data(doneLine(report));
  return report;
}

async function failed(
  shell: Shell,
  client: Georefresh,
  { run, pipeline }: Refresh,
  error: unknown,
  seconds: number,
): Promise<RefreshReport> {
  const problem = problemOf(error);
  const manifest = await client.show(run).catch(() => undefined);
  const report: RefreshReport = {
    ...blank(pipeline, run),
    seconds,
    ...(manifest && told(manifest)),
    outcome: problem.code === CANCELLED ? 'cancelled' : 'failed',
    error: problem,
  };
  shell.exitCode = exitOf(error);
  shell.fault(problemBlock(problem, shell.err, await standing(client, pipeline)));
  if (shell.verbose && error instanceof Error && error.stack) shell.fault(shell.err.dim(error.stack));
  if (shell.json) shell.object(report);
  else shell.data(`${doneLine(report)}${problem.code === CANCELLED ? '' : ` code=${problem.code}`}`);
  return report;
}

/** What people read meanwhile: a failed run changes nothing of it. */
async function standing(client: Georefresh, pipeline: string): Promise<string | undefined> {
  const status = await client.status(pipeline).catch(() => undefined);
  const published = status?.pipelines[0]?.published;
  if (status === undefined) return undefined;
  if (!published) return 'nothing was published yet';
  return `outputs are those of ${formatTime(published.logicalTime)} (generation ${published.generation}), nothing was published`;
}

const blank = (pipeline: string, run: string): Omit<RunSummary, 'outcome' | 'seconds'> => ({
  ...{ pipeline, run, stages: {}, metrics: null, model: null, outputs: [] },
  ...{ trigger: 'operator', sample: false, quarantined: 0, generation: null },
});

/** What the manifest of a run that failed says of it. */
function told({ steps, trigger, sample, quarantine }: Manifest): Partial<RunSummary> {
  const stages: Record<string, { seconds: number; steps: number; reused: number; rowsIn: number; rowsOut: number }> =
    {};
  for (const step of steps) {
    const stage = stages[step.stage] ?? { seconds: 0, steps: 0, reused: 0, rowsIn: 0, rowsOut: 0 };
    stages[step.stage] = {
      seconds: stage.seconds + step.seconds,
      steps: stage.steps + 1,
      reused: stage.reused + (step.reused ? 1 : 0),
      rowsIn: stage.rowsIn + step.rowsIn,
      rowsOut: stage.rowsOut + step.rowsOut,
    };
  }
  return {
    stages,
    trigger: trigger as RunSummary['trigger'],
    sample,
    quarantined: Object.values(quarantine).reduce((sum, rows) => sum + rows, 0),
  };
}
