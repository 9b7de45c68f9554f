import type { z } from 'zod';
import { nearest } from './nearest.js';

type Schema = z.core.$ZodType;

const defOf = (schema: Schema) => (schema as z.core.$ZodTypes)._zod.def;

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The schema below optional, default and transform, as the document must meet it. */
export function unwrap(schema: Schema): Schema {
  const def = defOf(schema);
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'readonly':
      return unwrap(def.innerType);
    case 'pipe':
      return unwrap(def.in);
    default:
      return schema;
  }
}

/** The keys that an object schema declares; none for a record, whose keys are names that people choose. */
export function keysOf(schema: Schema): string[] {
  const def = defOf(unwrap(schema));
  return def.type === 'object' ? Object.keys(def.shape) : [];
}

export function optionsOf(schema: Schema): readonly Schema[] {
  const def = defOf(unwrap(schema));
  return def.type === 'union'
    ? def.options.flatMap((option) => (defOf(unwrap(option)).type === 'union' ? optionsOf(option) : [option]))
    : [];
}

/** `text`, `a number`, `a list`, `a or b`: what a document must hold to meet the schema. */
export function nameOf(schema: Schema): string {
  const def = defOf(unwrap(schema));
  switch (def.type) {
    case 'string':
      return 'text';
    case 'number':
      return 'a number';
    case 'boolean':
      return 'true or false';
    case 'array':
      return 'a list';
    case 'object':
    case 'record':
      return 'keys with values';
    case 'enum':
      return Object.values(def.entries).join(', ');
    case 'literal':
      return def.values.join(', ');
    case 'union':
      return [...new Set(optionsOf(schema).map(nameOf))].join(' or ');
    default:
      return def.type;
  }
}

const isRequired = (schema: Schema): boolean => schema._zod.optin !== 'optional';

const literalsOf = (schema: Schema): string[] => {
  const def = defOf(unwrap(schema));
  const values = def.type === 'literal' ? def.values : def.type === 'enum' ? Object.values(def.entries) : [];
  return values.map(String);
};

/** The words that an object schema allows at a key; none where it allows more than words. */
export function literalsAt(schema: Schema, key: string): string[] {
  const def = defOf(unwrap(schema));
  const inner = def.type === 'object' && Object.hasOwn(def.shape, key) ? def.shape[key] : undefined;
  return inner === undefined ? [] : literalsOf(inner);
}

/**
 * How well a mapping fits an object schema: keys that it declares, keys near those, less the required ones that lack.
 * A required word that is met (`format: csv`) outweighs them, since such kinds are alike in most of their keys.
 */
const likeness = (option: Schema, value: Record<string, unknown>): number => {
  const def = defOf(unwrap(option));
  if (def.type !== 'object') return def.type === 'record' ? 0.5 : -Infinity;
  const known = Object.keys(def.shape);
  let score = 0;
  for (const key of Object.keys(value)) {
    if (known.includes(key)) score += 2;
    else if (nearest(key, known) !== undefined) score += 1;
  }
  if (score === 0) return -Infinity;
  for (const [key, inner] of Object.entries(def.shape)) {
    if (!isRequired(inner)) continue;
    if (!Object.hasOwn(value, key)) score -= 0.25;
    else if (literalsOf(inner).includes(String(value[key]))) score += 100;
  }
  return score;
};

/**
 * The option of a union that a value was meant to be: by the keys of a mapping (its builder's key, its discriminator),
 * else by its kind. Undefined where nothing speaks for any of them.
 */
export function optionFor(union: Schema, value: unknown): Schema | undefined {
  const options = optionsOf(union);
  if (Array.isArray(value)) return options.find((option) => defOf(unwrap(option)).type === 'array');
  if (!isRecord(value)) return undefined;
  let best: Schema | undefined;
  let most = -Infinity;
  for (const option of options) {
    const score = likeness(option, value);
    if (score > most) {
      most = score;
      best = option;
    }
  }
  return best;
}

/** The schema of a place in a value that the value may not meet; undefined where the path leaves the schema. */
export function schemaAt(schema: Schema, path: readonly (string | number)[], value: unknown): Schema | undefined {
  const here = unwrap(schema);
  const [part, ...rest] = path;
  if (part === undefined) return here;
  const def = defOf(here);
  const below = isRecord(value) || Array.isArray(value) ? (value as Record<string | number, unknown>)[part] : undefined;
  switch (def.type) {
    case 'object': {
      const inner = Object.hasOwn(def.shape, part) ? def.shape[part] : undefined;
      return inner === undefined ? undefined : schemaAt(inner, rest, below);
    }
    case 'record':
      return schemaAt(def.valueType, rest, below);
    case 'array':
      return schemaAt(def.element, rest, below);
    case 'union': {
      const option = optionFor(here, value);
      return option === undefined ? undefined : schemaAt(option, path, value);
    }
    default:
      return undefined;
  }
}
