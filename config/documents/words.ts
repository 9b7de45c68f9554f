import type { z } from 'zod';
import { meant } from './nearest.js';
import { isRecord } from './shape.js';

const MAX_SHOWN = 40;

/** A value of a document in a few words. */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (isRecord(value)) return 'keys with values';
  const text = String(value);
  return `\`${text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text}\``;
}

export const listOf = (names: readonly unknown[]): string => names.map((name) => `\`${String(name)}\``).join(', ');

const KINDS: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'keys with values',
  record: 'keys with values',
};

const UNITS: Record<string, string> = { string: ' characters', array: ' entries', set: ' entries', map: ' entries' };

const boundOf = (issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string => {
  const unit = UNITS[issue.origin] ?? '';
  const [bound, inclusive, exclusive] =
    issue.code === 'too_small' ? [issue.minimum, 'at least', 'more than'] : [issue.maximum, 'at most', 'less than'];
  return `expected ${issue.exact ? 'exactly' : issue.inclusive === false ? exclusive : inclusive} ${bound}${unit}`;
};

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

/** What one issue of zod says to somebody who knows neither zod nor TypeScript. Unions and unknown keys are not for here. */
export function describeIssue(issue: z.core.$ZodIssue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      // A schema that has words of its own, such as those for a duration, knows better what is wanted than its type says.
      return `${issue.message.startsWith('expected ') ? issue.message : `expected ${KINDS[issue.expected] ?? issue.expected}`}; found ${describeValue(value)}`;
    case 'invalid_value': {
      const among = issue.values.length === 1 ? listOf(issue.values) : `one of ${listOf(issue.values)}`;
      return `expected ${among}; found ${describeValue(value)}${meant(String(value), issue.values.map(String))}`;
    }
    case 'too_small':
    case 'too_big':
      return Array.isArray(value) ? boundOf(issue) : `${boundOf(issue)}; found ${describeValue(value)}`;
    case 'invalid_format':
      return `${lowerFirst(issue.message)}; found ${describeValue(value)}`;
    case 'invalid_key':
      return lowerFirst(issue.issues[0]?.message ?? issue.message);
    default:
      return lowerFirst(issue.message);
  }
}
