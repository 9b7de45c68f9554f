import { Command } from 'commander';
import type { Rollback } from '../../index.js';
import { examples } from '../arguments.js';
import { choosePipeline, withClient } from '../session.js';
import type { Shell } from '../shell.js';
import { formatTime } from '../text.js';

interface Options {
  to?: number | string;
  reason?: string;
  dryRun?: boolean;
}

/** A generation by its number, anything else is the folder of a snapshot. */
const parseTarget = (text: string): number | string => (/^\d{1,9}$/.test(text) ? Number(text) : text);

export const rollbackCommand = (shell: Shell): Command =>
  new Command('rollback')
    .description('Publishes an older generation again, and holds the pipeline there until it is released')
    .argument('[pipeline]', 'may be left out where there is only one')
    .argument('[to]', "a generation, or a snapshot's folder; default: the one before what is shown now", parseTarget)
    .option('--reason <text>', 'why; shown in status as long as it is held')
    .option('--dry-run', 'only say where it would lead')
    .addHelpText(
      'after',
      examples(
        'georefresh rollback ev-sites --dry-run',
        'georefresh rollback ev-sites --reason "stations of March are wrong"',
        'georefresh rollback ev-sites 12',
        'georefresh rollback ev-sites 20260220T143022Z-g12-1a2b3c4d --json',
      ),
    )
    .action(async (named: string | undefined, to: number | string | undefined, { reason, dryRun }: Options) => {
      const done = await withClient(shell, async (client) =>
        client.rollback({
          pipeline: choosePipeline(named, await client.pipelines()),
          ...(to !== undefined && { to }),
          ...(reason !== undefined && { reason }),
          ...(dryRun && { dryRun }),
        }),
      );
      if (shell.json) return shell.object(done);
      shell.data(rollbackText(done));
      if (done.delivery === 'open') shell.note(`no engine is up to deliver it: georefresh deliver ${done.pipeline}`);
      if (done.generation !== null) shell.note(`refreshes publish nothing until: georefresh release ${done.pipeline}`);
    });

export function rollbackText({ pipeline, from, to, generation, logicalTime, madeBy, folder }: Rollback): string {
  const content = `generation ${to}, data as of ${formatTime(logicalTime)}, made by run ${madeBy}`;
  return generation === null
    ? `${pipeline} would go back from generation ${from} to ${content}\n  ${folder}\nnothing is written`
    : `${pipeline} shows ${content}\n  as generation ${generation} in place of ${from}: ${folder}`;
}
