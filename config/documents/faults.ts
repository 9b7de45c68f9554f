import { type ErrorCode, GeorefreshError, type Where } from '../errors.js';

/** Steps from the top of a document: keys, and indexes of lists. */
export type Path = readonly (string | number)[];

/** A fault by its place in a document, before its line is known. */
export interface Finding {
  path: Path;
  /** Whether the line shown is that of the key or of its value; they differ where a value begins on the next line. */
  at: 'key' | 'value';
  text: string;
}

/** A fault as people read it. Lines and columns count from 1. */
export interface Fault {
  /** A file, or the name of an environment variable. */
  file: string;
  line?: number;
  column?: number;
  text: string;
}

/** A message is also a payload of the engine's history: beyond this many lines it says how many more there are. */
const MAX_LINES = 100;

export const placeOf = ({ file, line, column }: Pick<Fault, 'file' | 'line' | 'column'>): string =>
  [file, line, column].filter((part) => part !== undefined).join(':');

const compare = (a: Fault, b: Fault): number =>
  a.file === b.file ? (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0) : a.file < b.file ? -1 : 1;

const whereOf = ({ file, line, column, text }: Fault): Where => ({
  file,
  ...(line === undefined ? {} : { line }),
  ...(column === undefined ? {} : { column }),
  note: text,
});

/**
 * One error for all faults, in the order of the files. The message has a line a fault, `file:line:column text`;
 * `where` says the same in parts.
 */
export function faultsError(code: ErrorCode, faults: readonly Fault[]): GeorefreshError {
  const sorted = [...faults].sort(compare);
  const lines = sorted.slice(0, MAX_LINES).map((fault) => `${placeOf(fault)} ${fault.text}`);
  if (sorted.length > MAX_LINES) lines.push(`and ${sorted.length - MAX_LINES} more`);
  const detail = sorted.length === 1 ? lines.join('') : `${sorted.length} faults\n  ${lines.join('\n  ')}`;
  return new GeorefreshError(code, detail, { where: sorted.map(whereOf) });
}
