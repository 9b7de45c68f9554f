import { Command } from 'commander';
import { examples } from '../arguments.js';
import { choosePipeline, withClient } from '../session.js';
import type { Shell } from '../shell.js';
import { formatTime } from '../text.js';

export const releaseCommand = (shell: Shell): Command =>
  new Command('release')
    .description('Lets refreshes of a held pipeline publish again; what is shown stays until the next one does')
    .argument('[pipeline]', 'may be left out where there is only one')
    .addHelpText('after', examples('georefresh release ev-sites', 'georefresh release ev-sites --json'))
    .action(async (named: string | undefined) => {
      const { pipeline, released } = await withClient(shell, async (client) => {
        const chosen = choosePipeline(named, await client.pipelines());
        return { pipeline: chosen, released: await client.release(chosen) };
      });
      if (shell.json) shell.object({ pipeline, released });
      else if (released === null) shell.data(`${pipeline} was not held`);
      else
        shell.data(
          `${pipeline} is released; ${released.by} held it since ${formatTime(released.at)}: ${released.reason}`,
        );
    });
