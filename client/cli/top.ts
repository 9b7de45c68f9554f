import { columnDecimals, formatNumber } from '../../activities/publish/format.js';
import type { Pipeline } from '../../config/definition/pipeline.js';
import type { ObjectStore } from '../../lake/types.js';
import type { PublishedOutput } from '../records.js';
import { type Paint, table } from './text.js';

/** The first rows of an output, with the columns that its definition shows. */
export interface TopRows {
  output: string;
  title: string;
  columns: string[];
  rows: Record<string, string>[];
  total: number | null;
}

/** Far more than ten rows of any output with named columns. */
const HEAD_BYTES = 256 * 1024;

/** The first rows of each output that has columns to show, in the order of the definition. */
export async function topRows(
  store: ObjectStore,
  { outputs, score, features }: Pipeline,
  published: readonly PublishedOutput[],
  count: number,
): Promise<TopRows[]> {
  const found: TopRows[] = [];
  for (const [output, { show, title, table: name, format }] of Object.entries(outputs)) {
    const file = published.find((one) => one.name === `${output}.csv`);
    if (format !== 'table' || show.length === 0 || file === undefined) continue;
    const rows = firstRecords(Buffer.from(await store.get(file.key, { atMost: HEAD_BYTES })).toString('utf8'), count);
    const columns = show.filter((column) => rows.length === 0 || column in (rows[0] ?? {}));
    found.push({
      output,
      title: title ?? score.tables[name]?.title ?? features[name]?.title ?? output,
      columns,
      rows,
      total: file.rows,
    });
  }
  return found;
}

/**
 * The first records of CSV with a header, by column (RFC 4180; only the head of a file need be there). Cells stay text:
 * codes with leading zeros are no numbers.
 */
export function firstRecords(text: string, count: number): Record<string, string>[] {
  const [header, ...records] = parseRecords(text, count + 1);
  if (header === undefined) return [];
  return records.map((cells) => Object.fromEntries(header.map((name, i) => [name, cells[i] ?? ''])));
}

function parseRecords(text: string, count: number): string[][] {
  const records: string[][] = [];
  // A cell: quoted, with "" for a quote, or plain; then what ends it.
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y;
  let record: string[] = [];
  while (records.length < count && cell.lastIndex < text.length) {
    const match = cell.exec(text);
    // Not CSV, or cut off within a quoted cell: what is whole so far is shown.
    if (match === null) break;
    record.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === ',') continue;
    records.push(record);
    record = [];
  }
  return records;
}

/** The rows of one output under its name, numbers with the same decimals down a column. */
export function topText({ output, title, columns, rows, total }: TopRows, paint: Paint): string {
  const heading = `${paint.bold(title)}${total === null ? '' : paint.dim(`  first ${rows.length} of ${total.toLocaleString('en-US')}, ${output}.csv`)}`;
  if (rows.length === 0) return `${heading}\n  no rows`;
  const cells = columns.map((column) => formatColumn(rows.map((row) => row[column] ?? '')));
  const lines = table(
    columns,
    rows.map((_, row) => cells.map((column) => column[row] ?? '')),
    paint,
  );
  return `${heading}\n${lines.replaceAll(/^/gm, '  ')}`;
}

/** Measures get common decimals; whole numbers stay as they are, since many are codes. */
function formatColumn(values: string[]): string[] {
  const isMeasure =
    values.every((value) => /^-?\d*(\.\d+)?(e[-+]?\d+)?$/i.test(value)) && values.some((value) => /[.e]/i.test(value));
  if (!isMeasure) return values;
  const numbers = values.map((value) => (value === '' ? null : Number(value)));
  const decimals = columnDecimals(numbers);
  return numbers.map((value) => formatNumber(value, decimals));
}
