import { Command } from 'commander';
import type { Stage } from '../../../activities/types.js';
import { codeOf } from '../../../config/errors.js';
import type { RefreshInput } from '../../../workflows/messages.js';
import type { Georefresh } from '../../index.js';
import { collectSetting, collectStages, examples, parseDuration, parseFolder, parseTime } from '../arguments.js';
import { choosePipeline, knownPipelines, withClient } from '../session.js';
import type { Shell } from '../shell.js';

interface Options {
  force?: boolean;
  only?: Stage[];
  inputs?: string;
  set?: Record<string, string>;
  logicalTime?: string;
  waitAtMost?: number;
  release?: boolean;
  detach?: boolean;
}

export const refreshCommand = (shell: Shell): Command =>
  new Command('refresh')
    .description('Brings a pipeline up to date and publishes what came out')
    .argument('[pipeline]', 'may be left out where there is only one')
    .option('--force', 'make every step again, whatever is known of earlier runs')
    .option(
      '--only <stage>',
      'only these stages, with what they need (repeat it, or separate by commas)',
      collectStages,
    )
    .option('--inputs <folder>', "folder laid out like the home's inputs, in its place", parseFolder)
    .option('--set <key=value>', "a parameter in the place of the definition's (repeat it)", collectSetting)
    .option('--logical-time <time>', 'the time that the run stands for; default: now', parseTime)
    .option(
      '--wait-at-most <duration>',
      'how long to wait for another run of the pipeline (default 15m)',
      parseDuration,
    )
    .option('--release', 'release the pipeline first, where a rollback holds it')
    .option('--detach', 'return as soon as the run is written down')
    .option('--no-input', 'never ask anything (nothing is asked today)')
    .addHelpText(
      'after',
      examples(
        'georefresh refresh ev-sites',
        'georefresh refresh --inputs ../shared/data --force',
        'georefresh refresh --set candidates.ridge.alpha=10 --only train --json',
        'georefresh refresh --detach && georefresh status --watch',
      ),
    )
    .action(async (named: string | undefined, options: Options) => {
      const pipeline = choosePipeline(named, await knownPipelines(shell));
      if (options.release) await withClient(shell, (client) => releaseIfPublished(client, pipeline));
      const { refreshAndReport } = await import('../refreshing.js');
      await refreshAndReport(shell, requestOf(pipeline, options), { ...(options.detach && { detach: true }) });
    });

/** Before the first publication nothing can be held. */
async function releaseIfPublished(client: Georefresh, pipeline: string): Promise<void> {
  await client.release(pipeline).catch((error: unknown) => {
    if (codeOf(error) !== 'GR-4003') throw error;
  });
}

/** The request that a command line means. */
export const requestOf = (pipeline: string, options: Options): RefreshInput => ({
  pipeline,
  trigger: 'operator',
  ...(options.force && { force: true }),
  ...(options.only && { only: options.only }),
  ...(options.set && { overrides: options.set }),
  ...(options.inputs !== undefined && { inputs: options.inputs }),
  ...(options.logicalTime !== undefined && { logicalTime: options.logicalTime }),
  ...(options.waitAtMost !== undefined && { waitAtMost: options.waitAtMost }),
});
