import { resolve } from 'node:path';
import { Command } from 'commander';
import { formatCount } from '../../../activities/publish/format.js';
import { examples, parseTarget } from '../arguments.js';
import { choosePipeline, withClient } from '../session.js';
import type { Shell } from '../shell.js';
import { table } from '../text.js';

interface Options {
  rule?: string;
  source?: string;
  export?: string;
}

/** Rows that are listed on screen; all of them are in an export. */
const SHOWN = 50;

export const quarantineCommand = (shell: Shell): Command =>
  new Command('quarantine')
    .description('Lists the rows that the published run put aside, with file, row, rule and reason')
    .argument('[pipeline]', 'may be left out where there is only one')
    .option('--rule <rule>', 'those of a rule (lat.max), or of all rules of a column (lat)')
    .option('--source <source>', 'those of a source')
    .option('--export <file>', 'write them as CSV, with their cells as they came, to be mended', parseTarget)
    .addHelpText(
      'after',
      examples(
        'georefresh quarantine ev-sites --rule lon',
        'georefresh quarantine --export broken.csv',
        'georefresh quarantine replay mended.csv',
      ),
    )
    .action(async (named: string | undefined, { export: file, ...filter }: Options) => {
      const { readQuarantine } = await import('../../quarantine.js');
      const rows = await withClient(shell, async (client) => {
        const pipeline = choosePipeline(named, await client.pipelines());
        return readQuarantine(client.store, pipeline, filter);
      });
      if (file !== undefined) {
        const { exportRows } = await import('../../broken-rows.js');
        await exportRows(rows, file);
        if (shell.json) shell.object({ rows: rows.length, file });
        else
          shell.data(
            `${formatCount(rows.length)} rows written to ${file}; mend them, then: georefresh quarantine replay ${file}${named === undefined ? '' : ` ${named}`}`,
          );
        return;
      }
      // What the cells hold may be personal: it is in the file of an export, not on a screen or in a log.
      if (shell.json) for (const { raw: _, ...row } of rows) shell.object(row);
      else {
        const listed = rows
          .slice(0, SHOWN)
          .map(({ source, file: from, row, rule, reason }) => [source, from, String(row), rule, reason]);
        shell.data(
          listed.length === 0
            ? 'no such rows were put aside'
            : table(['SOURCE', 'FILE', 'ROW', 'RULE', 'REASON'], listed, shell.out),
        );
        if (rows.length > SHOWN)
          shell.data(`and ${formatCount(rows.length - SHOWN)} more; --export FILE writes them all`);
      }
    })
    .addCommand(replayCommand(shell));

const replayCommand = (shell: Shell): Command =>
  new Command('replay')
    .description('Takes mended rows of an export: from the next refresh on they stand for those that were put aside')
    .argument('<file>', 'the export, its cells mended')
    .argument('[pipeline]', 'may be left out where there is only one')
    .addHelpText('after', examples('georefresh quarantine replay mended.csv ev-sites'))
    .action(async (file: string, named: string | undefined) => {
      const [{ replayRows }, { loadPipeline }, { readSettings }] = await Promise.all([
        import('../../quarantine.js'),
        import('../../../config/load.js'),
        import('../../../config/settings.js'),
      ]);
      const settings = await readSettings(shell.env);
      const { pipeline, replayed } = await withClient(shell, async (client) => {
        const chosen = choosePipeline(named, await client.pipelines());
        const { sources } = (await loadPipeline(chosen, settings)).pipeline;
        return {
          pipeline: chosen,
          replayed: await replayRows(client.store, chosen, Object.keys(sources), resolve(file)),
        };
      });
      if (shell.json) return shell.object({ pipeline, replayed });
      for (const [source, rows] of Object.entries(replayed))
        shell.data(`${source}: ${formatCount(rows)} mended rows stand in the place of theirs`);
      shell.data(`next    georefresh refresh ${pipeline}`);
    });
