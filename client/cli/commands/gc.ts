import { Command } from 'commander';
import { formatBytes } from '../../../activities/publish/format.js';
import type { CollectSummary, Georefresh } from '../../index.js';
import { examples } from '../arguments.js';
import { choosePipeline, knownPipelines, withClient, withRunningEngine } from '../session.js';
import type { Shell } from '../shell.js';

export const gcCommand = (shell: Shell): Command =>
  new Command('gc')
    .description("Says what retention lets go of a pipeline's lake, and with --delete deletes it")
    .argument('[pipeline]', 'may be left out where there is only one')
    .option('--delete', 'delete it, when no run of the pipeline is under way')
    .addHelpText('after', examples('georefresh gc ev-sites', 'georefresh gc ev-sites --delete --json'))
    .action(async (named: string | undefined, { delete: deletes = false }: { delete?: boolean }) => {
      const pipeline = choosePipeline(named, await knownPipelines(shell));
      const collect = (client: Georefresh): Promise<CollectSummary> => client.collect({ pipeline, dryRun: !deletes });
      const summary = deletes
        ? await withRunningEngine(shell, new AbortController().signal, collect)
        : await withClient(shell, collect);
      if (shell.json) return shell.object({ ...summary, deleted: deletes });
      shell.data(gcText(summary, deletes));
      if (!deletes && Object.keys(summary.gone).length > 0)
        shell.note(`nothing is deleted until: georefresh gc ${summary.pipeline} --delete`);
    });

const NAMES = {
  snapshot: 'files of snapshots',
  object: 'objects of the lake',
  result: 'notes of results',
  run: 'manifests of runs',
  note: 'other notes',
} as const;

export function gcText(
  { pipeline, floor, generation, snapshots, results, gone }: CollectSummary,
  deleted: boolean,
): string {
  if (generation === 0) return `${pipeline} has published nothing yet: all of its lake stays`;
  const stays = `${pipeline} keeps generations ${floor} to ${generation} (${snapshots}), and ${results} results of steps for reuse`;
  const lines = Object.entries(NAMES).flatMap(([kind, name]) => {
    const so = gone[kind as keyof typeof NAMES];
    return so === undefined ? [] : [`  ${String(so.count).padStart(7)}  ${name.padEnd(20)} ${formatBytes(so.bytes)}`];
  });
  if (lines.length === 0) return `${stays}; nothing is to be let go`;
  return [stays, deleted ? 'deleted:' : 'would delete:', ...lines].join('\n');
}
