import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { problemOf } from '../../client/cli/problems.js';
import { ERRORS, type ErrorCode, GeorefreshError } from '../../config/errors.js';
import { projectRoot } from '../../config/root.js';
import { formatJson, type JsonSchema, pipelineJsonSchema, settingsJsonSchema } from '../../config/schema/json.js';
import { generatedFiles } from '../../config/schema/pages.js';
import { evSitesText } from './support.js';

const committed = (name: string): string => readFileSync(join(projectRoot(), name), 'utf8');

describe('generated files', () => {
  test.each(Object.entries(generatedFiles()))('%s is current (else: node dist/config/generate.js)', (name, text) => {
    expect(committed(name)).toBe(text);
  });

  test.each(Object.entries(ERRORS))(
    '%s has a message, a remedy, an exit code and a section that says them (S3.2)',
    (code, entry) => {
      const { title, remedy, retryable, exit } = entry;
      expect(code).toMatch(/^GR-[1-57]\d{3}$/);
      // In the middle of a sentence, and without its full stop: particulars and remedies follow.
      expect(title).toMatch(/^[^A-Z].{8,}[^.]$/);
      expect(remedy).toMatch(/^\S.{8,}[^.]$/);
      const exits = code.startsWith('GR-2') ? [1, 3] : [1, 2, 3, 5, 6, 7, 130];
      expect(exits).toContain(exit);
      if (retryable) expect([1, 5]).toContain(exit);
      const [, after = ''] = committed('docs/reference/errors.md').split(`### ${code}\n`);
      const [section = ''] = after.split(/\n##+ /);
      expect(section).toContain(`**${title}.**`);
      expect(section.toLowerCase()).toContain(remedy.toLowerCase());
      expect(section).toContain(`Exit code ${exit}; ${retryable ? 'the engine tries' : 'a retry does not help'}`);
      const problem = problemOf(new GeorefreshError(code as ErrorCode, 'particulars'));
      expect(problem).toMatchObject({ code, remedy });
    },
  );

  test('titles and codes are told apart', () => {
    const titles = Object.values(ERRORS).map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
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
