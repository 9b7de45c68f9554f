import Table from 'cli-table3';
import type picocolors from 'picocolors';
import { formatSeconds } from '../../activities/publish/format.js';

export type Paint = ReturnType<typeof picocolors.createColors>;

/** Run ids begin with the millisecond in which they were drawn (UUID version 7); less of them would name several. */
const SHORT_RUN = '01a1fdd0-f186'.length;

/** The beginning of a run id that people are shown. */
export const shortRun = (run: string): string => run.slice(0, SHORT_RUN);

const NO_LINES = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '' },
  ...{ 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' },
};

/** Rows under a head, columns aligned by their width on a terminal, without rules. Numbers stand to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], paint: Paint): string {
  const colAligns = head.map((_, column) => (isNumeric(rows.map((row) => row[column] ?? '')) ? 'right' : 'left'));
  const printed = new Table({
    head: head.map((name) => paint.bold(name)),
    colAligns,
    chars: NO_LINES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  printed.push(...rows.map((row) => [...row]));
  return printed
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Figures, or a dash where there is none. */
const isNumeric = (cells: readonly string[]): boolean =>
  cells.some((cell) => /\d/.test(cell)) && cells.every((cell) => /^(–|[−-]?[\d,.]*)$/.test(cell));

/** How long ago, for people: `just now`, `5 min old`, `2 h old`, `3 days old`. */
export function formatAge(seconds: number): string {
  if (seconds < 60) return 'just now';
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min old`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)} h old`;
  return `${Math.floor(seconds / 86_400)} days old`;
}

/** A guess at what is left, no finer than it is worth: `a few seconds`, `~15 seconds`, `~4 minutes`, `~2 hours`. */
export function formatRoughly(seconds: number): string {
  if (seconds < 5) return 'a few seconds';
  if (seconds < 55) return `~${Math.round(seconds / 5) * 5} seconds`;
  const minutes = Math.max(1, Math.round(seconds / 60));
  if (minutes < 90) return `~${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`;
  return `~${Math.round(minutes / 60)} hours`;
}

/** A rate in two significant digits: `740 rows/s`, `61 k rows/s`, `1.2 M rows/s`. */
export function formatRate(perSecond: number, unit: string): string {
  const [value, scale] =
    perSecond >= 999_500 ? [perSecond / 1e6, ' M'] : perSecond >= 995 ? [perSecond / 1e3, ' k'] : [perSecond, ''];
  const rounded = Number(value.toPrecision(2));
  return `${rounded}${scale} ${unit}/s`;
}

/** Seconds with a plain blank, since terminals may show a no-break one as something else. */
export const seconds = (count: number): string => formatSeconds(count).replaceAll('\u00a0', ' ');

/** `2026-11-21T06:00Z`: an instant to the minute, or to the second where that says more. */
export function formatTime(iso: string): string {
  const time = Date.parse(iso);
  if (Number.isNaN(time)) return iso;
  return new Date(time).toISOString().replace(/(?::00)?\.\d+Z$/, 'Z');
}

/** Indents every line but the first, for values that run over several. */
export const hang = (text: string, by: number): string => text.replaceAll('\n', `\n${' '.repeat(by)}`);

const LONGEST_CELL = 80;

/** What a cell of a table holds, on one line and of bounded width: it may be anything, also what would steer a terminal. */
export function cellText(value: string | null): string {
  if (value === null) return '–';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: taking them out is the purpose
  const line = value.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ');
  return line.length <= LONGEST_CELL ? line : `${line.slice(0, LONGEST_CELL - 1)}…`;
}
