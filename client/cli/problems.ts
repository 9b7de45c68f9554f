import { codeOf, ERRORS, type ErrorCode, GeorefreshError, type Where } from '../../config/errors.js';
import { hang, type Paint } from './text.js';

/** An error as programs are told of it. */
export interface Problem {
  code: ErrorCode;
  title: string;
  message: string;
  where: Where[];
  remedy: string;
}

const MOST_PLACES = 20;
const LABEL = '  where   '.length;

export function problemOf(error: unknown): Problem {
  const code = codeOf(error);
  const { title, remedy } = ERRORS[code];
  const message = error instanceof Error ? error.message : String(error);
  return { code, title, message, where: error instanceof GeorefreshError ? error.where : [], remedy };
}

/** The exit code of an error; 130 for a cancelled run. */
export const exitOf = (error: unknown): number => ERRORS[codeOf(error)].exit;

/** One place, for people: `stations.csv:4417:3  row 12  note`. */
export function placeText({ file, line, column, row, note }: Where): string {
  const place = [file, line, line === undefined ? undefined : column].filter((part) => part !== undefined).join(':');
  return [place, row === undefined ? '' : `row ${row}`, note ?? ''].filter((part) => part !== '').join('  ');
}

/** Whether a message names a place already. */
const tellsAll = (message: string, { file, line, note }: Where): boolean =>
  [file === undefined || line === undefined ? file : `${file}:${line}`, note].every(
    (part) => part === undefined || message.includes(part),
  );

/**
 * An error as people read it: code and message, where it is, what state things are in now, and what to do next.
 * Places that the message already tells are not told twice.
 */
export function problemBlock(problem: Problem, paint: Paint, state?: string): string {
  const { code, message, where, remedy } = problem;
  const places = where.filter((place) => !tellsAll(message, place)).map(placeText);
  const more = places.length - MOST_PLACES;
  const shown = more > 0 ? [...places.slice(0, MOST_PLACES), `and ${more} more`] : places;
  const label = (name: string): string => `  ${paint.dim(name.padEnd(LABEL - 2))}`;
  return [
    `${paint.red(`error ${code}`)}  ${hang(message, 2)}`,
    ...shown.map((place, i) => (i === 0 ? label('where') : ' '.repeat(LABEL)) + hang(place, LABEL)),
    ...(state === undefined ? [] : [label('state') + hang(state, LABEL)]),
    `${label('next')}${hang(remedy, LABEL)}  ·  georefresh error ${code}`,
  ].join('\n');
}
