import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { Command, Option } from 'commander';
import { formatCount } from '../../../activities/publish/format.js';
import { GeorefreshError } from '../../../config/errors.js';
import { RESULT_FORMATS, type ResultFormat } from '../../../lake/query-result.js';
import type { QueriedSnapshot, QueryFile, QueryTables } from '../../queries.js';
import { examples, parseCount, parseTarget } from '../arguments.js';
import { choosePipeline, interruption, withClient } from '../session.js';
import type { Shell } from '../shell.js';
import { cellText, table } from '../text.js';

interface Options {
  asOf?: string;
  limit?: number;
  format?: (typeof RESULT_FORMATS)[number] | 'table';
  output?: string;
  file?: string;
}

type Told = Pick<QueriedSnapshot, 'generation' | 'logicalTime' | 'sample'>;

const snapshotText = ({ generation, logicalTime, sample }: Told): string =>
  `${generation === null ? 'backfilled' : `generation ${generation}`}, for ${logicalTime}${sample ? ', sample data' : ''}`;

const ROWS = 1000;
const MOST_ROWS = 1e12;

export const queryCommand = (shell: Shell): Command =>
  new Command('query')
    .description('Asks the published tables of any kept snapshot in SQL; without SQL lists them')
    .argument('<pipeline>')
    .argument('[sql]', 'one statement that reads; `-` takes it from stdin')
    .option('--as-of <when>', 'a time, a day (all of it), a generation, `previous`, or a snapshot’s folder')
    .addOption(
      new Option('--format <format>', 'default: a table, or what the ending of --output says').choices([
        'table',
        ...RESULT_FORMATS,
      ]),
    )
    .option('--output <file>', 'write the rows there, all of them unless --limit says less', parseTarget)
    .option('--limit <rows>', `at most so many rows; default: ${ROWS}, with --output all`, parseCount(0, MOST_ROWS))
    .option('--file <sql>', 'take the statement from a file')
    .addHelpText(
      'after',
      examples(
        'georefresh query ev-sites',
        'georefresh query ev-sites "select state, count(*) n from tracts group by state order by n desc"',
        'georefresh query ev-sites "from tracts limit 5" --as-of 2026-02-20',
        'georefresh query ev-sites "from tracts" --as-of 7 --output tracts.parquet',
        'georefresh query ev-sites "from counties" --format csv | head',
      ),
    )
    .action(async (named: string, given: string | undefined, options: Options) => {
      const { asOf, limit } = options;
      const format = formatOf(options, shell);
      const sql = await sqlOf(given, options);
      const { gently: signal, dispose } = interruption(() => process.exit(130));
      try {
        await withClient(shell, async (client) => {
          const pipeline = choosePipeline(named, await client.pipelines());
          const request = { signal, ...(asOf !== undefined && { asOf }) };
          if (sql === undefined) return tellTables(shell, await client.tables(pipeline, request));
          if (options.output !== undefined && format !== 'text') {
            const rest = { ...request, limit: limit ?? Number.POSITIVE_INFINITY, output: options.output, format };
            return tellFile(shell, await client.queryToFile(pipeline, sql, rest));
          }
          await printRows(shell, client, pipeline, sql, { ...request, limit: limit ?? ROWS, format });
        });
      } catch (error) {
        if (signal.aborted) throw new GeorefreshError('GR-3006', 'the query was interrupted', { cause: error });
        throw error;
      } finally {
        dispose();
      }
    });

/** `text` for a table on screen. */
function formatOf({ format, output }: Options, shell: Shell): ResultFormat {
  if (format !== undefined && shell.json && output === undefined)
    throw new GeorefreshError('GR-1001', '--json prints one object; leave out --format, or write with --output');
  if (output === undefined) {
    if (format === 'parquet' && shell.isTerminal)
      throw new GeorefreshError('GR-1001', 'Parquet is no text: give --output FILE');
    return format === undefined || format === 'table' ? 'text' : format;
  }
  const ending = /\.([a-z]+)$/i.exec(output)?.[1]?.toLowerCase();
  const wanted = format ?? (ending === 'ndjson' ? 'jsonl' : ending);
  const known = RESULT_FORMATS.find((one) => one === wanted);
  if (known === undefined)
    throw new GeorefreshError('GR-1001', `--output ${output}: say --format ${RESULT_FORMATS.join(', ')}, or end it so`);
  return known;
}

async function sqlOf(given: string | undefined, { file }: Options): Promise<string | undefined> {
  if (given !== undefined && file !== undefined)
    throw new GeorefreshError('GR-1001', 'give the SQL as an argument or with --file, not both');
  if (given === '-') return textOf(process.stdin);
  if (file === undefined) return given;
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new GeorefreshError('GR-1001', `${file} cannot be read`, { cause: error });
  });
}

type Queried = Parameters<Parameters<typeof import('../session.js').withClient>[1]>[0];

async function printRows(
  shell: Shell,
  client: Queried,
  pipeline: string,
  sql: string,
  { format, ...request }: { signal: AbortSignal; asOf?: string; limit: number; format: ResultFormat },
): Promise<void> {
  if (shell.json) return shell.object(await client.query(pipeline, sql, request));
  await client.queryAs(pipeline, sql, { ...request, format }, async ({ columns, rows, cut, snapshot }, path) => {
    if (format === 'text') {
      const { linesOf } = await import('../../queries.js');
      const lines = linesOf(await readFile(path, 'utf8')) as Record<string, string | null>[];
      const cells = lines.map((line) => columns.map(({ name }) => cellText(line[name] ?? null)));
      shell.data(
        table(
          columns.map(({ name }) => cellText(name)),
          cells,
          shell.out,
        ),
      );
    } else await shell.pour(createReadStream(path));
    const { ref, manifest } = snapshot;
    shell.note(aboutText({ ...manifest, generation: ref.generation }, rows, cut));
  });
}

const aboutText = (about: Told, rows: number, cut: boolean): string => {
  const count = cut
    ? `the first ${formatCount(rows)} rows; there are more: --limit ROWS, or --output FILE for all`
    : `${formatCount(rows)} ${rows === 1 ? 'row' : 'rows'}`;
  return `${count}  ·  ${snapshotText(about)}`;
};

function tellFile(shell: Shell, result: QueryFile): void {
  if (shell.json) shell.object(result);
  else {
    shell.data(result.file);
    shell.note(aboutText(result, result.rows, result.cut));
  }
}

function tellTables(shell: Shell, { tables, ...about }: QueryTables): void {
  if (shell.json) {
    shell.object({ ...about, tables });
    return;
  }
  const rows = tables.map(({ name, rows: count }) => [name, count === null ? '–' : formatCount(count)]);
  shell.data(table(['TABLE', 'ROWS'], rows, shell.out));
  shell.note(snapshotText(about));
}
