import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { STAGES, type Stage } from '../../activities/types.js';
import { GeorefreshError } from '../../config/errors.js';
import { TASK_QUEUES } from '../../config/queues.js';
import { duration } from '../../config/units.js';

/** `90s`, `5m`, `1.5h`, in milliseconds. */
export function parseDuration(text: string): number {
  const { data, error } = duration.safeParse(text);
  if (error) throw new InvalidArgumentError(error.issues.map(({ message }) => message).join('; '));
  return data;
}

/** A whole number from `least` up. */
export const parseCount =
  (least: number, most: number) =>
  (text: string): number => {
    const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(count >= least && count <= most))
      throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}`);
    return count;
  };

/** An instant with a time zone, or a day (its beginning in UTC), as ISO 8601 in UTC. */
export function parseTime(text: string): string {
  const isTime = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text);
  const time = isTime ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time))
    throw new InvalidArgumentError('expected a day or a time with its zone, such as 2026-11-21 or 2026-11-21T06:00Z');
  return new Date(time).toISOString();
}

/**
 * Collects `key=value` pairs. Values stay text: the definition knows the type of each parameter, and a text parameter
 * may well look like a number.
 */
export function collectSetting(text: string, earlier: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('expected key=value');
  return { ...earlier, [text.slice(0, at).trim()]: text.slice(at + 1) };
}

/** Collects stages, given one by one or separated by commas. An unknown one is GR-1005. */
export function collectStages(text: string, earlier: Stage[] = []): Stage[] {
  const stages = text.split(',').map((name): Stage => {
    const known = STAGES.find((stage) => stage === name.trim());
    if (known === undefined) throw new GeorefreshError('GR-1005', `\`${name.trim()}\`; there are ${STAGES.join(', ')}`);
    return known;
  });
  return [...new Set([...earlier, ...stages])];
}

/** The queues that workers may serve, by their roles. */
export const ROLE_NAMES = Object.keys(TASK_QUEUES) as (keyof typeof TASK_QUEUES)[];

/** Collects roles of workers, given one by one or separated by commas. */
export function collectRoles(text: string, earlier: string[] = []): string[] {
  const roles = text.split(',').map((name) => name.trim());
  const unknown = roles.find((role) => !ROLE_NAMES.some((name) => name === role));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`no role \`${unknown}\`; there are ${ROLE_NAMES.join(', ')}`);
  return [...new Set([...earlier, ...roles])];
}

/** A folder of the command line as an absolute path, since a worker's current folder is another. */
export const parseFolder = (text: string): string => resolve(text);

/** A file that is to be written, as an absolute path. Its folder must be there, which is told before any work is done. */
export function parseTarget(text: string): string {
  const file = resolve(text);
  const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  if (isFolder(file)) throw new InvalidArgumentError('it is a folder');
  if (!isFolder(dirname(file))) throw new InvalidArgumentError(`there is no folder ${dirname(file)}`);
  return file;
}

/** Examples below the help of a command. */
export const examples = (...lines: string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}\n`;
