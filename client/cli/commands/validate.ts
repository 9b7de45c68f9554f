import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { formatCount } from '../../../activities/publish/format.js';
import { GeorefreshError } from '../../../config/errors.js';
import type { BrokenRow, Validation, ValidationInput } from '../../validate.js';
import { examples, parseTarget } from '../arguments.js';
import { knownPipelines } from '../session.js';
import type { Shell } from '../shell.js';
import { table } from '../text.js';

interface Options {
  contract?: string;
  inputs?: string;
  export?: string;
}

/** Broken rows that an export holds in memory; a file with more is mended at its source. */
const MOST_EXPORTED = 1_000_000;

export const validateCommand = (shell: Shell): Command =>
  new Command('validate')
    .description('Holds a source, or a file, to its contract without a run')
    .argument('<source>', 'a source of a pipeline (stations, ev-sites/stations), or a file with --contract')
    .option('--contract <file>', 'a contract in a file, or the name of one in config/contracts')
    .option('--inputs <folder>', "folder laid out like the inputs, in the place of the home's")
    .option('--export <file>', 'write the broken rows as CSV, to be mended', parseTarget)
    .addHelpText(
      'after',
      examples('georefresh validate ev-sites/stations', 'georefresh validate sessions.csv --contract norway-sessions'),
    )
    .action(async (named: string, options: Options) => {
      const { validate } = await import('../../validate.js');
      const input = await inputOf(shell, named, options);
      const kept: BrokenRow[] = [];
      const result = await validate({
        ...input,
        ...(options.export !== undefined && {
          onBroken: async (rows) => {
            for await (const row of rows) if (kept.push(row) > MOST_EXPORTED) break;
          },
        }),
      });
      if (options.export !== undefined) {
        const { exportRows } = await import('../../broken-rows.js');
        await exportRows(kept, options.export);
        shell.note(`${formatCount(kept.length)} rows written to ${options.export}`);
      }
      // Other than a refresh, a look at a file fails only where a refresh would be refused.
      if (!result.accepted) shell.exitCode = 3;
      if (shell.json) shell.object(result);
      else show(shell, result);
    });

async function inputOf(shell: Shell, named: string, { contract, inputs }: Options): Promise<ValidationInput> {
  if (contract !== undefined) {
    const { loadContract } = await import('../../../config/contracts.js');
    if (!existsSync(named)) throw new GeorefreshError('GR-4011', named);
    return { name: 'file', source: await loadContract(contract), place: { file: resolve(named) } };
  }
  const [{ loadPipeline }, { readSettings }] = await Promise.all([
    import('../../../config/load.js'),
    import('../../../config/settings.js'),
  ]);
  const settings = await readSettings(shell.env);
  const root = inputs === undefined ? join(settings.home, 'inputs') : resolve(inputs);
  const [first = '', second] = named.split('/');
  const pipelines = await knownPipelines(shell);
  const hits: ValidationInput[] = [];
  for (const pipeline of second === undefined ? pipelines : pipelines.filter((one) => one === first)) {
    const { sources } = (await loadPipeline(pipeline, settings)).pipeline;
    const name = second ?? first;
    const source = Object.hasOwn(sources, name) ? sources[name] : undefined;
    if (source !== undefined) hits.push({ name, source, sources, place: { root } });
  }
  const [hit, ...others] = hits;
  if (hit === undefined)
    throw new GeorefreshError('GR-4011', `\`${named}\`${existsSync(named) ? '; a file needs --contract' : ''}`);
  if (others.length > 0)
    throw new GeorefreshError('GR-1001', `several pipelines have \`${named}\`; name it PIPELINE/${named}`);
  return hit;
}

function show(
  shell: Shell,
  { source, accepted, validated_records, failed_records, errors, warnings }: Validation,
): void {
  const { bold, green, red } = shell.out;
  const verdict = accepted ? green('meets its contract') : red('breaks its contract');
  shell.data(
    `${bold(source)} ${verdict}: ${formatCount(validated_records)} rows good, ${formatCount(failed_records)} broken`,
  );
  if (errors.length > 0) {
    const rows = errors.map(({ rule, rows: count, example }) => [
      rule,
      formatCount(count),
      String(example.row),
      example.reason,
    ]);
    shell.data(table(['RULE', 'ROWS', 'FIRST ROW', 'REASON'], rows, shell.out));
  }
  const counted = Object.entries(warnings).filter(([, count]) => count > 0);
  if (counted.length > 0)
    shell.data(
      table(
        ['COUNTED BY', 'ROWS'],
        counted.map(([rule, count]) => [rule, formatCount(count)]),
        shell.out,
      ),
    );
}
