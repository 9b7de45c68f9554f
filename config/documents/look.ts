import { z } from 'zod';
import type { Finding } from './faults.js';
import { meant, nearest } from './nearest.js';
import { isRecord, keysOf, literalsAt, nameOf, optionFor, optionsOf, schemaAt } from './shape.js';
import { describeIssue, describeValue, listOf } from './words.js';

type Schema = z.core.$ZodType;
type Keys = (string | number)[];

/** What was probably meant: at `path`, `key` takes `value`, and `from` (a misspelt key) goes. */
export interface Mend {
  path: Keys;
  key: string;
  value: unknown;
  from?: string;
}

/** What one look at a value found: faults, and faults of which it is guessed what was meant. */
export interface Look {
  findings: Finding[];
  guesses: { finding: Finding; mend: Mend }[];
}

/** The value at a path, by own properties only. */
export const valueAt = (value: unknown, path: Keys): unknown =>
  path.reduce<unknown>((here, part) => {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, part)) return undefined;
    return (here as Record<string | number, unknown>)[part];
  }, value);

/** The keys of the object schema at a path, through the union option that the value there was meant to be. */
const knownAt = (schema: Schema, path: Keys, value: unknown): string[] => {
  let here = schemaAt(schema, path, value);
  while (here !== undefined && optionsOf(here).length > 0) here = optionFor(here, valueAt(value, path));
  return here === undefined ? [] : keysOf(here);
};

/** Looks at a value by a schema. `base` is the path of the value within the document, `siblings` are the keys of the other options of its union. */
export function look(schema: Schema, value: unknown, base: Keys, siblings: string[], out: Look): void {
  const result = z.core.safeParse(schema, value);
  if (result.success) return;
  const missing: Keys[] = [];
  const unknown: Keys[] = [];
  for (const issue of result.error.issues) {
    const path = issue.path as Keys;
    const parent = valueAt(value, path.slice(0, -1));
    const lacks = path.length > 0 && isRecord(parent) && !Object.hasOwn(parent, path.at(-1) ?? '');
    if (issue.code === 'unrecognized_keys') unknown.push(...issue.keys.map((key) => [...path, key]));
    else if (issue.code === 'invalid_union' && issue.discriminator !== undefined)
      lookAtDiscriminator(schema, value, path, base, out);
    else if (lacks) missing.push(path);
    else if (issue.code === 'invalid_union')
      lookAtUnion(schemaAt(schema, path, value), valueAt(value, path), [...base, ...path], out);
    else {
      const at = issue.code === 'invalid_key' ? 'key' : 'value';
      out.findings.push({ path: [...base, ...path], at, text: describeIssue(issue, valueAt(value, path)) });
    }
  }
  for (const path of unknown) lookAtUnknown(schema, value, path, base, siblings, out);
  for (const path of missing) lookAtMissing(schema, value, path, base, out);
}

const addGuess = (out: Look, parent: Keys, key: string, from: string, value: unknown): void => {
  const finding: Finding = { path: [...parent, from], at: 'key', text: `key \`${from}\` unknown; meant \`${key}\`?` };
  out.guesses.push({ finding, mend: { path: parent, key, value, from } });
};

/** A key that an object does not know: the absent key it is near, else any known one, else the list of them. */
function lookAtUnknown(schema: Schema, value: unknown, path: Keys, base: Keys, siblings: string[], out: Look): void {
  const holderPath = path.slice(0, -1);
  const key = String(path.at(-1));
  const holder = valueAt(value, holderPath) as Record<string, unknown>;
  const known = knownAt(schema, holderPath, value);
  const first = Object.keys(holder).find((name) => known.includes(name));
  const report = (text: string): void => {
    out.findings.push({ path: [...base, ...path], at: 'key', text: `key \`${key}\` ${text}` });
  };
  if (holderPath.length === 0 && siblings.includes(key) && first !== undefined) {
    report(`does not go with \`${first}\``);
    return;
  }
  const absent = known.filter((name) => !Object.hasOwn(holder, name));
  const guess = nearest(key, absent);
  if (guess !== undefined) addGuess(out, [...base, ...holderPath], guess, key, holder[key]);
  else report(`unknown${meant(key, known) || `; expected one of ${listOf(known)}`}`);
}

/** A required key that is not there: told, unless one that was misspelt stands for it. */
function lookAtMissing(schema: Schema, value: unknown, path: Keys, base: Keys, out: Look): void {
  const holderPath = path.slice(0, -1);
  const key = String(path.at(-1));
  const parent = [...base, ...holderPath];
  const isGuessed = out.guesses.some(({ mend }) => mend.key === key && String(mend.path) === String(parent));
  if (isGuessed) return;
  const known = knownAt(schema, holderPath, value);
  const holder = valueAt(value, holderPath) as Record<string, unknown>;
  // Objects that let other keys pass (a candidate's parameters) call none of them unknown.
  const strange = known.length === 0 ? [] : Object.keys(holder).filter((name) => !known.includes(name));
  const misspelt = nearest(key, strange);
  if (misspelt !== undefined) {
    addGuess(out, parent, key, misspelt, holder[misspelt]);
    return;
  }
  const inner = schemaAt(schema, path, value);
  const expected = inner === undefined ? '' : `; expected ${nameOf(inner)}`;
  out.findings.push({ path: parent, at: 'key', text: `key \`${key}\` is missing${expected}` });
}

/** A mapping whose kind is told by one key: that key is misspelt, missing, or has a value that no kind has. */
function lookAtDiscriminator(schema: Schema, value: unknown, path: Keys, base: Keys, out: Look): void {
  const key = String(path.at(-1));
  const holder = valueAt(value, path.slice(0, -1));
  const parent = [...base, ...path.slice(0, -1)];
  const union = schemaAt(schema, path.slice(0, -1), value);
  if (!isRecord(holder) || union === undefined) {
    out.findings.push({ path: parent, at: 'value', text: `expected keys with values; found ${describeValue(holder)}` });
    return;
  }
  const kinds = optionsOf(union).flatMap((option) => literalsAt(option, key));
  const known = optionsOf(union).flatMap(keysOf);
  const strange = Object.keys(holder).filter((name) => !known.includes(name));
  const misspelt = Object.hasOwn(holder, key) ? undefined : nearest(key, strange);
  if (misspelt !== undefined) {
    addGuess(out, parent, key, misspelt, holder[misspelt]);
    return;
  }
  const finding: Finding = Object.hasOwn(holder, key)
    ? {
        path: [...parent, key],
        at: 'value',
        text: `expected one of ${listOf(kinds)}; found ${describeValue(holder[key])}${meant(String(holder[key]), kinds)}`,
      }
    : { path: parent, at: 'key', text: `key \`${key}\` is missing; expected one of ${listOf(kinds)}` };
  const option = optionFor(union, holder);
  const likely = nearest(String(holder[key]), kinds) ?? (option === undefined ? kinds : literalsAt(option, key))[0];
  out.guesses.push({ finding, mend: { path: parent, key, value: likely } });
}

/** A value that meets no option of a union: judged by the option that it was meant to be. */
function lookAtUnion(union: Schema | undefined, value: unknown, path: Keys, out: Look): void {
  if (union === undefined) return;
  const option = optionFor(union, value);
  const siblings = optionsOf(union).flatMap(keysOf);
  if (option !== undefined) look(option, value, path, siblings, out);
  else if (isRecord(value) && siblings.length > 0) {
    const [key] = Object.keys(value);
    const text = key === undefined ? 'expected' : `key \`${key}\` unknown; expected`;
    out.findings.push({
      path: key === undefined ? path : [...path, key],
      at: 'key',
      text: `${text} one of ${listOf(siblings)}`,
    });
  } else out.findings.push({ path, at: 'value', text: `expected ${nameOf(union)}; found ${describeValue(value)}` });
}
