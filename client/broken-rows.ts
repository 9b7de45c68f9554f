import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { BrokenRow } from './validate.js';

/** Columns of an export that tell of the row; those of its cells follow. */
export const ABOUT = ['_source', '_file', '_record', '_rule', '_reason', '_was'] as const;

/** What a spreadsheet would take for a formula: it must not be run by whoever opens the file (OWASP, CSV injection). */
const FORMULA = /^[=+\-@\t\r]/;
const NUMBER = /^[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?$/i;

/** A text that no spreadsheet runs: an apostrophe before what looks like a formula, and before an apostrophe. */
export const neutral = (text: string): string =>
  text.startsWith("'") || (FORMULA.test(text) && !NUMBER.test(text)) ? `'${text}` : text;

/** The text that `neutral` was given. */
export const original = (text: string): string => (text.startsWith("'") ? text.slice(1) : text);

const csvLine = (cells: readonly string[]): string =>
  `${cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',')}\n`;

/** What a mend is held against: the digest of a row's cells as they came. */
export const digestOf = (raw: string): string => createHash('sha256').update(raw).digest('hex');

const cellText = (value: unknown): string =>
  typeof value === 'string' ? value : value === null || value === undefined ? '' : JSON.stringify(value);

/** Names of all cells of rows, in order of their first appearance. */
export function cellNames(rows: Iterable<Pick<BrokenRow, 'raw'>>): string[] {
  const names = new Set<string>();
  for (const { raw } of rows) for (const name of Object.keys(JSON.parse(raw) as object)) names.add(name);
  return [...names];
}

/** Writes rows as CSV for people who mend them: what is wrong, then the cells as they came, formulas neutralised. */
export async function exportRows(rows: readonly BrokenRow[], path: string): Promise<void> {
  const names = cellNames(rows);
  function* lines(): Generator<string> {
    yield csvLine([...ABOUT, ...names].map(neutral));
    for (const { source, file, row, rule, reason, raw } of rows) {
      const cells = JSON.parse(raw) as Record<string, unknown>;
      const about = [source, file, String(row), rule, reason, digestOf(raw)];
      yield csvLine([...about, ...names.map((name) => cellText(cells[name]))].map(neutral));
    }
  }
  await pipeline(Readable.from(lines()), createWriteStream(path));
}
