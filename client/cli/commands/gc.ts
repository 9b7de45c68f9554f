import { Command } from 'commander';
import { formatBytes } from '../../../activities/publish/format.js';
import { codeOf, GeorefreshError } from '../../../config/errors.js';
import type { CollectSummary } from '../../index.js';
import { examples } from '../arguments.js';
import { choosePipeline, interruption, knownPipelines, withClient, withRunningEngine } from '../session.js';
import type { Shell } from '../shell.js';

export const gcCommand = (shell: Shell): Command =>
  new Command('gc')
    .description("Says what retention lets go of a pipeline's lake, and with --delete deletes it")
    .argument('[pipeline]', 'may be left out where there is only one')
    .option('--delete', 'delete it, when no run of the pipeline is under way')
    .addHelpText('after', examples('georefresh gc ev-sites', 'georefresh gc ev-sites --delete --json'))
    .action(async (named: string | undefined, { delete: deletes = false }: { delete?: boolean }) => {
      const pipeline = choosePipeline(named, await knownPipelines(shell));
      const summary = deletes
        ? await deleteOf(shell, pipeline)
        : await withClient(shell, (client) => client.collect({ pipeline, dryRun: true }));
      if (shell.json) return shell.object({ ...summary, deleted: deletes });
      shell.data(gcText(summary, deletes));
      if (!deletes && Object.keys(summary.gone).length > 0)
        shell.note(`nothing is deleted until: georefresh gc ${summary.pipeline} --delete`);
    });

/** Ctrl-C cancels the collection, a second one does not wait until that has ended. */
async function deleteOf(shell: Shell, pipeline: string): Promise<CollectSummary> {
  const { gently: signal, dispose } = interruption(() => process.exit(130));
  try {
    return await withRunningEngine(shell, signal, (client) => client.collect({ pipeline }, { signal }));
  } catch (error) {
    if (!signal.aborted || codeOf(error) === 'GR-3006') throw error;
    throw new GeorefreshError('GR-3006', 'nothing was deleted', { cause: error });
  } finally {
    dispose();
  }
}

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
