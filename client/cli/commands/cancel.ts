import { Command } from 'commander';
import { codeOf } from '../../../config/errors.js';
import { examples } from '../arguments.js';
import { interruption, withRunningEngine } from '../session.js';
import type { Shell } from '../shell.js';
import { shortRun } from '../text.js';
import { backfilledOf, cancelBackfill } from './backfill.js';

export const cancelCommand = (shell: Shell): Command =>
  new Command('cancel')
    .description('Stops a run; what was published before stays')
    .argument('<run>', 'a run id, or the beginning of one; or `backfill:<pipeline>`')
    .addHelpText('after', examples('georefresh cancel 01a1fdd0-f186', 'georefresh cancel backfill:ev-sites'))
    .action(async (given: string) => {
      const stop = interruption(() => process.exit(130));
      try {
        // A worker carries the cancellation out, so one must be there.
        await withRunningEngine(shell, stop.gently, async (client) => {
          const backfilled = backfilledOf(given);
          if (backfilled !== undefined) return cancelBackfill(shell, backfilled, await client.backfillOf(backfilled));
          const refresh = await client.find(given);
          await refresh.cancel();
          const outcome = await Promise.race([endOf(refresh.result({ signal: stop.gently })), aborted(stop.gently)]);
          const { run, pipeline } = refresh;
          if (shell.json) shell.object({ run, pipeline, outcome });
          else
            shell.data(
              `run ${shortRun(run)} of ${pipeline}: ${outcome === 'cancelled' ? 'cancelled, nothing was published' : outcome}`,
            );
        });
      } finally {
        stop.dispose();
      }
    });

/** How the run ended after all; it may have been quicker than the cancellation. */
const endOf = (result: Promise<{ outcome: string }>): Promise<string> =>
  result.then(
    ({ outcome }) => `${outcome} before it could be cancelled`,
    (error: unknown) => {
      if (codeOf(error) === 'GR-3006') return 'cancelled';
      throw error;
    },
  );

const aborted = (signal: AbortSignal): Promise<string> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve('asked to stop'), { once: true }));
