import { Argument, Command } from 'commander';
import { examples } from '../arguments.js';
import { choosePipeline, withClient } from '../session.js';
import type { Shell } from '../shell.js';

export const signalCommand = (shell: Shell): Command =>
  new Command('signal')
    .description('Tells a pipeline of new data: when it has been quiet for a while, one refresh takes all of it in')
    .addArgument(new Argument('<event>', 'what happened').choices(['new-data']))
    .argument('[pipeline]', 'may be left out where there is only one')
    .option('--fingerprint <text>', 'names the event, such as a delivery id: the same one again is dropped')
    .addHelpText(
      'after',
      examples(
        'georefresh signal new-data ev-sites',
        'georefresh signal new-data ev-sites --fingerprint drop-4711 --json',
      ),
    )
    .action(async (_event: string, named: string | undefined, { fingerprint }: { fingerprint?: string }) => {
      const signalled = await withClient(shell, async (client) =>
        client.signalNewData({
          pipeline: choosePipeline(named, await client.pipelines()),
          ...(fingerprint !== undefined && { fingerprint }),
        }),
      );
      if (shell.json) return shell.object(signalled);
      shell.data(`${signalled.pipeline} knows of new data (${signalled.workflowId})`);
      shell.note('watch it: georefresh status --watch');
    });
