import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ERRORS } from '../../config/errors.js';
import { projectRoot } from '../../config/root.js';
import { formatJson, type JsonSchema, pipelineJsonSchema, settingsJsonSchema } from '../../config/schema/json.js';
import { generatedFiles } from '../../config/schema/pages.js';
import { evSitesText } from './support.js';

const committed = (name: string): string => readFileSync(join(projectRoot(), name), 'utf8');

describe('generated files', () => {
  test.each(Object.entries(generatedFiles()))('%s is current (else: node dist/config/generate.js)', (name, text) => {
    expect(committed(name)).toBe(text);
  });

  test('every error code has its section', () => {
    const page = committed('docs/reference/errors.md');
    for (const code of Object.keys(ERRORS)) expect(page).toContain(`### ${code}\n`);
  });

  test('every key of the schemas has a meaning', () => {
    const silent: string[] = [];
    const walk = (schema: JsonSchema, path: string): void => {
      for (const [key, inner] of Object.entries(schema.properties ?? {})) {
        if (inner.description === undefined) silent.push(`${path}.${key}`);
        walk(inner, `${path}.${key}`);
      }
      for (const inner of [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), schema.items, schema.additionalProperties])
        if (typeof inner === 'object') walk(inner, path);
    };
    walk(pipelineJsonSchema(), 'pipeline');
    walk(settingsJsonSchema(), 'settings');
    expect(silent).toEqual([]);
  });

  test('the schema knows every top-level key of ev-sites, and refuses others', () => {
    const schema = pipelineJsonSchema();
    expect(Object.keys(schema.properties ?? {})).toEqual(
      expect.arrayContaining(Object.keys(parse(evSitesText) as object)),
    );
    expect(schema.additionalProperties).toBe(false);
  });

  test('JSON text means what it was made of', () => {
    const value = {
      a: [],
      b: {},
      c: [1, 'x', null],
      d: [{ e: [[1], [2]] }],
      f: 'x'.repeat(200),
      g: new Array(60).fill('abc'),
    };
    expect(JSON.parse(formatJson(value))).toEqual(value);
  });
});
