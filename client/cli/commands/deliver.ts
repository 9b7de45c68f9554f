import { Command } from 'commander';
import { formatCount } from '../../../activities/publish/format.js';
import { GeorefreshError } from '../../../config/errors.js';
import type { DeliverSummary } from '../../index.js';
import { examples } from '../arguments.js';
import { choosePipeline, interruption, knownPipelines, withRunningEngine } from '../session.js';
import type { Shell } from '../shell.js';
import { table } from '../text.js';

export const deliverCommand = (shell: Shell): Command =>
  new Command('deliver')
    .description(
      'Brings what is published to the database of GEOREFRESH_POSTGRES_URL, where outputs say `to: postgres`',
    )
    .argument('[pipeline]', 'may be left out where there is only one')
    .option('--anew', 'forget what the database knows of earlier generations: for a lake that was begun anew')
    .addHelpText('after', examples('georefresh deliver ev-sites', 'georefresh deliver ev-sites --json | jq .tables'))
    .action(async (named: string | undefined, { anew = false }: { anew?: boolean }) => {
      const pipeline = choosePipeline(named, await knownPipelines(shell));
      const { gently: signal, dispose } = interruption(() => process.exit(130));
      try {
        const summary = await withRunningEngine(shell, signal, (client) =>
          client.deliver({ pipeline, ...(anew && { anew }) }, { signal }),
        );
        if (shell.json) shell.object(summary);
        else shell.data(deliveryText(summary, shell));
        if (summary.state === 'newer') shell.exitCode = 7;
      } catch (error) {
        if (!signal.aborted) throw error;
        throw new GeorefreshError('GR-3006', 'the delivery goes on without this command while an engine is up');
      } finally {
        dispose();
      }
    });

function deliveryText({ pipeline, state, generation, there, tables }: DeliverSummary, shell: Shell): string {
  if (state === 'nothing')
    return `${pipeline} has nothing to deliver: no output says \`to: postgres\`, or none is published`;
  if (state === 'newer')
    return `nothing was delivered: the database has generation ${there} of ${pipeline}, the lake ${generation}; if the lake was begun anew: georefresh deliver ${pipeline} --anew`;
  const rows = tables.map(({ output, table: name, rows: count }) => [output, name, formatCount(count)]);
  const told = state === 'stands' ? 'is there already' : 'was delivered';
  return `${table(['OUTPUT', 'TABLE', 'ROWS'], rows, shell.out)}\ngeneration ${generation} of ${pipeline} ${told}`;
}
