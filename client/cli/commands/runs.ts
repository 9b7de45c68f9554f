import { Command, Option } from 'commander';
import { formatCount } from '../../../activities/publish/format.js';
import type { RunRecord } from '../../records.js';
import { examples, parseCount, parseDuration } from '../arguments.js';
import { withClient } from '../session.js';
import type { Shell } from '../shell.js';
import { formatTime, type Paint, seconds, shortRun, table } from '../text.js';

const OUTCOMES = ['published', 'unchanged', 'superseded', 'held', 'archived', 'failed', 'cancelled'];

interface Options {
  outcome?: string;
  since?: number;
  limit: number;
}

export const runsCommand = (shell: Shell): Command =>
  new Command('runs')
    .description('Lists runs, the latest first')
    .argument('[pipeline]', 'default: all')
    .addOption(new Option('--outcome <outcome>', 'only these').choices(OUTCOMES))
    .option('--since <duration>', 'only those that started in the last 2h, 7d, …', parseDuration)
    .option('--limit <count>', 'at most so many', parseCount(1, 10_000), 20)
    .addHelpText(
      'after',
      examples('georefresh runs', 'georefresh runs ev-sites --outcome failed --since 7d', 'georefresh runs --json'),
    )
    .action(async (pipeline: string | undefined, { outcome, since, limit }: Options) => {
      const filter = {
        limit,
        ...(outcome !== undefined && { outcome }),
        ...(since !== undefined && { since: new Date(Date.now() - since).toISOString() }),
      };
      const runs = await withClient(shell, (client) => client.runs(pipeline, filter));
      if (shell.json) for (const run of runs) shell.object(run);
      else shell.data(runsText(runs, shell.out));
    });

export function runsText(runs: readonly RunRecord[], paint: Paint): string {
  if (runs.length === 0) return 'no runs';
  const rows = runs.map((run) => [
    shortRun(run.run),
    run.pipeline,
    formatTime(run.logicalTime),
    run.outcome,
    run.seconds === null ? '–' : seconds(run.seconds),
    formatCount(run.rowsIn),
    formatCount(run.quarantined),
    run.trigger,
    run.error === null ? '' : run.error.code,
  ]);
  return table(
    ['RUN', 'PIPELINE', 'LOGICAL TIME', 'OUTCOME', 'TOOK', 'ROWS IN', 'QUARANTINED', 'TRIGGER', 'ERROR'],
    rows,
    paint,
  );
}
