import { Command } from 'commander';
import { GeorefreshError } from '../../../config/errors.js';
import { examples, parseCount } from '../arguments.js';
import { diffText } from '../diff-text.js';
import { choosePipeline, withClient } from '../session.js';
import type { Shell } from '../shell.js';

interface Options {
  output?: string[];
  key?: string[];
  top: number;
  within?: number;
  exitCode?: boolean;
}

const list = (text: string, earlier: string[] = []): string[] => [
  ...earlier,
  ...text.split(',').map((name) => name.trim()),
];

export const diffCommand = (shell: Shell): Command =>
  new Command('diff')
    .description('How two published snapshots differ: rows, ranks, the features that moved them, metrics, sources')
    .argument('[pipeline]', 'may be left out where there is only one')
    .argument('[before]', '`current`, `previous`, a generation, or a snapshot’s folder; default: previous')
    .argument('[after]', 'the same; default: current')
    .option('--output <name>', 'only this table; repeat it, or separate by commas', list)
    .option('--key <columns>', 'columns that name a row, separated by commas; default: the key in the definition', list)
    .option('--top <count>', 'so many rows of each kind are listed', parseCount(0, 1000), 10)
    .option('--within <rank>', 'list only rows that were among the first so many, before or after', parseCount(1, 1e9))
    .option('--exit-code', 'exit with 1 if a table differs, as diff does')
    .addHelpText(
      'after',
      examples(
        'georefresh diff',
        'georefresh diff ev-sites --output tracts --within 100',
        'georefresh diff ev-sites 11 current --json | jq .metrics',
      ),
    )
    .action(
      async (named: string | undefined, before: string | undefined, after: string | undefined, given: Options) => {
        const { output: outputs, exitCode, ...rest } = given;
        if (outputs?.includes('') || rest.key?.includes(''))
          throw new GeorefreshError('GR-1001', 'a name after --output or --key is empty');
        const diff = await withClient(shell, async (client) =>
          client.diff(choosePipeline(named, await client.pipelines()), {
            ...rest,
            ...(outputs && { outputs }),
            ...(before !== undefined && { before }),
            ...(after !== undefined && { after }),
          }),
        );
        if (shell.json) shell.object(diff);
        else shell.data(diffText(diff, shell.out));
        if (exitCode && !diff.equal) shell.exitCode = 1;
      },
    );
