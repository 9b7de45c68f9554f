import { Command } from 'commander';
import { examples, parseTarget } from '../arguments.js';
import { choosePipeline, withClient } from '../session.js';
import type { Shell } from '../shell.js';

interface Options {
  output?: string;
  asOf?: string;
  copy?: boolean;
}

export const viewsCommand = (shell: Shell): Command =>
  new Command('views')
    .description('Writes a DuckDB file of views of a snapshot’s tables, which notebooks and BI tools open')
    .argument('[pipeline]', 'may be left out where there is only one')
    .option(
      '--output <file>',
      'default: <pipeline>.duckdb in the current folder; an older one is replaced',
      parseTarget,
    )
    .option('--as-of <when>', 'a time, a day (all of it), a generation, `previous`, or a snapshot’s folder')
    .option(
      '--copy',
      'copy the rows into the file: it can be given away, and outlives the snapshot; on a bucket always',
    )
    .addHelpText(
      'after',
      examples(
        'georefresh views ev-sites',
        'georefresh views ev-sites --as-of 2026-02-20 --output february.duckdb',
        'georefresh views ev-sites --copy --json',
      ),
    )
    .action(async (named: string | undefined, options: Options) => {
      const made = await withClient(shell, async (client) =>
        client.views({ pipeline: choosePipeline(named, await client.pipelines()), ...options }),
      );
      if (shell.json) return shell.object(made);
      shell.data(made.file);
      const kind = made.copied ? 'tables with all rows' : 'views';
      shell.note(
        `${made.names.length} ${kind} of generation ${made.generation}, for ${made.logicalTime}: ${made.names.join(', ')}`,
      );
    });
