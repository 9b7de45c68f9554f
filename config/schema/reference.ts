import type { JsonSchema } from './json.js';

interface Section {
  path: string;
  schema: JsonSchema;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

const code = (value: unknown): string => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;

const optionsOf = ({ anyOf, oneOf }: JsonSchema): JsonSchema[] => anyOf ?? oneOf ?? [];

const rangeOf = ({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string => {
  const low =
    minimum === undefined ? (exclusiveMinimum === undefined ? '' : `above ${exclusiveMinimum}`) : `from ${minimum}`;
  const high =
    maximum === undefined ? (exclusiveMaximum === undefined ? '' : `below ${exclusiveMaximum}`) : `to ${maximum}`;
  const range = [low, high].filter(Boolean).join(' ');
  return range === '' ? '' : `, ${range}`;
};

const KINDS: Record<string, string> = { string: 'text', boolean: 'true or false', object: 'keys', array: 'list' };

/** What may stand at a key, in a few words. */
const typeOf = (schema: JsonSchema): string => {
  const options = optionsOf(schema);
  if (options.length > 0) return [...new Set(options.map(typeOf))].join(' or ');
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(code).join(', ');
  if (schema.type === 'array') return `list of ${schema.items === undefined ? 'anything' : typeOf(schema.items)}`;
  if (schema.type === 'object' && typeof schema.additionalProperties === 'object')
    return `name: ${typeOf(schema.additionalProperties)}`;
  if (schema.type === 'number' || schema.type === 'integer')
    return `${schema.type === 'integer' ? 'whole number' : 'number'}${rangeOf(schema)}`;
  const kinds = [schema.type ?? []].flat().map((type) => KINDS[type] ?? type);
  return kinds.length > 0 ? kinds.join(' or ') : 'anything';
};

const isEmptyDefault = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;

const defaultOf = (schema: JsonSchema, isRequired: boolean): string => {
  if (isRequired) return 'required';
  return schema.default === undefined || isEmptyDefault(schema.default) ? '' : code(schema.default);
};

const row = (key: string, schema: JsonSchema, isRequired: boolean): string =>
  `| \`${key}\` | ${cell(typeOf(schema))} | ${cell(defaultOf(schema, isRequired))} | ${cell(schema.description ?? '')} |`;

const table = ({ properties = {}, required = [] }: JsonSchema): string[] => [
  '| key | value | default | meaning |',
  '|---|---|---|---|',
  ...Object.entries(properties).map(([key, schema]) => row(key, schema, required.includes(key))),
];

/** The mappings that hang below a place and have keys of their own: through names, lists and choices. */
const sectionsBelow = (path: string, schema: JsonSchema): Section[] => {
  const options = optionsOf(schema);
  if (options.length > 0) return options.flatMap((option) => sectionsBelow(path, option));
  if (schema.items !== undefined) return sectionsBelow(`${path}[]`, schema.items);
  if (typeof schema.additionalProperties === 'object')
    return sectionsBelow(`${path}.<name>`, schema.additionalProperties);
  return schema.properties === undefined ? [] : [{ path, schema }];
};

/** What tells a mapping from the others at the same place: the words that it must hold, or its first key. */
const kindOf = ({ properties = {} }: JsonSchema): string => {
  const word = Object.entries(properties).find(
    ([, { const: only, enum: among }]) => only !== undefined || among !== undefined,
  );
  return word === undefined ? `\`${Object.keys(properties)[0] ?? ''}\`` : `\`${word[0]}\` ${typeOf(word[1])}`;
};

const shapeOf = ({ properties, required }: JsonSchema): string => JSON.stringify([properties, required]);

/**
 * Markdown of all keys of a schema: a section for each mapping in the order of the file, with key, value, default and
 * meaning. A mapping that was told already is pointed to.
 */
export function keyReference(root: JsonSchema, top: string): string[] {
  const told = new Map<string, string>();
  const lines: string[] = [];
  const tell = (sections: Section[]): void => {
    for (const { path, schema } of sections) {
      const rivals = sections.filter((other) => other.path === path);
      const heading = rivals.length > 1 ? `\`${path}\` with ${kindOf(schema)}` : `\`${path}\``;
      const before = told.get(shapeOf(schema));
      if (Object.keys(schema.properties ?? {}).length === 0) continue;
      lines.push(`## ${heading}`, '', ...(schema.description === undefined ? [] : [`${schema.description}.`, '']));
      if (before !== undefined) {
        lines.push(`As ${before}.`, '');
        continue;
      }
      told.set(shapeOf(schema), heading);
      lines.push(...table(schema), '');
      const prefix = path === top ? '' : `${path}.`;
      tell(Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => sectionsBelow(prefix + key, inner)));
    }
  };
  tell([{ path: top, schema: root }]);
  return lines;
}
