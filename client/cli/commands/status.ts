import { Command } from 'commander';
import { examples } from '../arguments.js';
import { withClient } from '../session.js';
import type { Shell } from '../shell.js';
import { statusText, watchStatus } from '../statuses.js';

export const statusCommand = (shell: Shell): Command =>
  new Command('status')
    .description('How old the published data is, what ran last, and what runs now')
    .argument('[pipeline]', 'default: all')
    .option('--watch', 'look again every two seconds until Ctrl-C')
    .addHelpText(
      'after',
      examples('georefresh status', 'georefresh status ev-sites --watch', 'georefresh status --json'),
    )
    .action(async (pipeline: string | undefined, { watch }: { watch?: boolean }) => {
      if (watch) return watchStatus(shell, pipeline);
      const status = await withClient(shell, (client) => client.status(pipeline));
      if (shell.json) shell.object(status);
      else shell.data(statusText(status, shell.out));
    });
