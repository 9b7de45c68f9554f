import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { GeorefreshError } from '../../../config/errors.js';
import type { BackfillProgress } from '../../../workflows/messages.js';
import type { Backfill } from '../../index.js';
import { examples, parseFolder, parseTime } from '../arguments.js';
import { choosePipeline, interruption, knownPipelines, withRunningEngine } from '../session.js';
import type { Shell } from '../shell.js';

interface Options {
  from: string;
  to: string;
  every: string;
  inputs?: string;
  force?: boolean;
  detach?: boolean;
}

const LOOK_MS = 1_000;

export const backfillCommand = (shell: Shell): Command =>
  new Command('backfill')
    .description('Runs a pipeline for each logical time of a range that no run has finished; what is published stays')
    .argument('<pipeline>')
    .requiredOption(
      '--from <time>',
      'the first logical time: a day (its beginning in UTC), or a time with its zone',
      parseTime,
    )
    .requiredOption('--to <time>', 'the last one', parseTime)
    .option('--every <step>', '`1d`, `6h`, `month`, or a cron expression in UTC', '1d')
    .option('--inputs <folder>', 'folder laid out like the inputs, in the place of the home’s own', parseFolder)
    .option('--force', 'also times that are finished, every step made again')
    .option('--detach', 'return as soon as it is written down')
    .addHelpText(
      'after',
      examples(
        'georefresh backfill ev-sites --from 2026-01-01 --to 2026-01-31',
        'georefresh backfill ev-demand --from 2025-01-01 --to 2025-12-01 --every month --json',
        "georefresh backfill ev-demand --from 2026-01-01 --to 2026-02-01 --every '0 6 * * 1' --detach",
        'georefresh cancel backfill:ev-sites',
      ),
    )
    .action(async (named: string, { detach = false, ...range }: Options) => {
      const pipeline = choosePipeline(named, await knownPipelines(shell));
      const stop = interruption(() => process.exit(130));
      try {
        // Ctrl-C cancels the backfill, which a worker must carry out.
        await withRunningEngine(shell, new AbortController().signal, async (client) => {
          const backfill = await client.backfill({ pipeline, ...range });
          if (detach) return shell.object({ pipeline, workflow: `backfill:${pipeline}`, outcome: 'started' });
          const cancel = (): void => {
            shell.note('stopping after what is under way has let go; the same command goes on later');
            backfill.cancel().catch(() => undefined);
          };
          stop.gently.addEventListener('abort', cancel, { once: true });
          const end = await followed(shell, backfill);
          if (shell.json) shell.object(end);
          else shell.data(progressText(end));
          for (const { logicalTime, code, message } of end.failed) shell.fault(`  ${logicalTime}  ${code}  ${message}`);
          if (end.failures > 0) shell.exitCode = 1;
        });
      } finally {
        stop.dispose();
      }
    });

/** Tells what changes until the end. */
async function followed(shell: Shell, backfill: Backfill): Promise<BackfillProgress> {
  const ended = new AbortController();
  const result = backfill.result().finally(() => ended.abort());
  result.catch(() => undefined);
  let told = '';
  while (!ended.signal.aborted) {
    const progress = await backfill.progress();
    const text = progress === undefined ? '' : progressText(progress);
    if (text !== told && progress?.now != null) shell.note(text);
    told = text;
    await sleep(LOOK_MS, undefined, { signal: ended.signal }).catch(() => undefined);
  }
  return result;
}

function progressText({ pipeline, all, done, skipped, failures, now }: BackfillProgress): string {
  const counts = [
    `${done} of ${all} done`,
    skipped > 0 && `${skipped} finished before`,
    failures > 0 && `${failures} failed`,
  ];
  const told = counts.filter(Boolean).join(', ');
  return `backfill of ${pipeline}: ${told}${now === null ? '' : `; now ${now}`}`;
}

/** The pipeline of `backfill:<pipeline>`; undefined where a text is none. */
export const backfilledOf = (text: string): string | undefined => /^backfill:(.+)$/.exec(text)?.[1];

/** Stops the backfill of a pipeline. */
export async function cancelBackfill(shell: Shell, pipeline: string, backfill: Backfill): Promise<void> {
  await backfill.cancel();
  const end = await backfill.result().then(
    () => 'finished before it could be cancelled',
    (error: unknown) => {
      if (error instanceof GeorefreshError && error.code === 'GR-3006') return 'cancelled';
      throw error;
    },
  );
  if (shell.json) shell.object({ pipeline, outcome: end });
  else shell.data(`backfill of ${pipeline}: ${end}; the same command goes on where it stopped`);
}
