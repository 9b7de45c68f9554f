import { Command } from 'commander';
import { formatBytes, formatCount } from '../../../activities/publish/format.js';
import { examples } from '../arguments.js';
import { choosePipeline, withClient } from '../session.js';
import type { Shell } from '../shell.js';
import { table } from '../text.js';

export const outputsCommand = (shell: Shell): Command =>
  new Command('outputs')
    .description('Lists the files that are published now, and where they lie')
    .argument('[pipeline]', 'may be left out where there is only one')
    .addHelpText('after', examples('georefresh outputs', 'georefresh outputs ev-sites --json'))
    .action(async (named: string | undefined) => {
      const outputs = await withClient(shell, async (client) =>
        client.outputs(choosePipeline(named, await client.pipelines())),
      );
      if (shell.json) for (const output of outputs) shell.object(output);
      else {
        const rows = outputs.map(({ name, rows: count, bytes, place }) => [
          name,
          formatCount(count),
          formatBytes(bytes),
          place,
        ]);
        shell.data(table(['OUTPUT', 'ROWS', 'SIZE', 'WHERE'], rows, shell.out));
      }
    });
