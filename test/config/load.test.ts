import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isMap, isScalar, isSeq, type Node, parseDocument } from 'yaml';
import { pipeline as schema } from '../../config/definition/pipeline.js';
import { keysOf, optionsOf, schemaAt } from '../../config/documents/shape.js';
import { listPipelines, loadPipeline } from '../../config/load.js';
import { evSitesText, failureOf, faultsOf, pipelineFolder, temporaryFolder } from './support.js';

const replaced = (from: string | RegExp, to: string): string => {
  const text = evSitesText.replace(from, to);
  expect(text).not.toBe(evSitesText);
  return text;
};

const lineOf = (text: string, part: string): number => text.slice(0, text.indexOf(part)).split('\n').length;

const faults = async (text: string): Promise<string[]> =>
  faultsOf(await failureOf(() => loadPipeline(pipelineFolder(text))));

describe('loading', () => {
  test('ev-sites loads by name with its SQL in place and every file by digest (S0.14)', async () => {
    const { pipeline, files, sql, folder } = await loadPipeline('ev-sites');
    expect(pipeline.name).toBe('ev-sites');
    expect(basename(folder)).toBe('ev-sites');
    expect(Object.keys(files).sort()).toEqual([
      'pipeline.yaml',
      'ranked_counties.sql',
      'ranked_msas.sql',
      'ranked_sites.sql',
      'ranked_tracts.sql',
      'tract_context.sql',
    ]);
    expect(Object.keys(sql)).toHaveLength(5);
    expect(pipeline.features.tract_context?.steps[0]).toEqual({ sql: sql['tract_context.sql'] });
    expect(files['pipeline.yaml']?.bytes).toBe(Buffer.byteLength(evSitesText));
    expect(JSON.parse(JSON.stringify(pipeline))).toEqual(pipeline);
  });

  test('pipelines are listed by name, and the first place wins', async () => {
    const first = temporaryFolder();
    const second = temporaryFolder();
    for (const folder of [join(first, 'b'), join(second, 'b'), join(second, 'a')]) {
      mkdirSync(folder);
      writeFileSync(join(folder, 'pipeline.yaml'), '');
    }
    mkdirSync(join(second, 'no-pipeline'));
    expect(await listPipelines({ pipelines: [first, second, join(first, 'absent')] })).toEqual([
      { name: 'a', folder: join(second, 'a') },
      { name: 'b', folder: join(first, 'b') },
    ]);
  });

  test('an unknown name is GR-4001 and says which was meant', async () => {
    const error = await failureOf(() => loadPipeline('ev-site'));
    expect(error.code).toBe('GR-4001');
    expect(error.message).toContain('meant `ev-sites`?');
  });

  test('the name must be that of the folder', async () => {
    const error = await failureOf(() => loadPipeline(pipelineFolder(evSitesText, 'other')));
    expect(faultsOf(error)).toEqual(["2 expected the folder's name, `other`; found `ev-sites`"]);
  });
});

describe('faults of the text', () => {
  test('a misspelt key names file, line, column and the nearest known key', async () => {
    const text = replaced('retention: { snapshots', 'retention: { snapshost');
    const folder = pipelineFolder(text);
    const error = await failureOf(() => loadPipeline(folder));
    const line = lineOf(text, 'snapshost');
    expect(error.code).toBe('GR-1003');
    expect(error.where).toEqual([
      { file: join(folder, 'pipeline.yaml'), line, column: 14, note: 'key `snapshost` unknown; meant `snapshots`?' },
    ]);
    expect(error.message).toContain(`${join(folder, 'pipeline.yaml')}:${line}:14 key \`snapshost\` unknown`);
  });

  test('all faults come at once, also those under misspelt keys', async () => {
    const text = replaced('  stations:\n    title', '  stations:\n    titel')
      .replace('type: integer, required: true, min: 1', 'tipe: integer, required: maybe, min: one')
      .replace('- count-within: { of: tracts, radii', '- count-withn: { of: tracts, radi')
      .replace('tracts_5mi: 5 mi, tracts_25mi: 25 mi } }', 'tracts_5mi: 5 miles, tracts_25mi: 25 mi } }')
      .replace('format: topojson', 'format: topjson')
      .replace('  target: new_stations\n', '');
    const found = await faults(text);
    expect(found).toEqual([
      `${lineOf(text, 'titel')} key \`titel\` unknown; meant \`title\`?`,
      `${lineOf(text, 'tipe')} key \`tipe\` unknown; meant \`type\`?`,
      `${lineOf(text, 'tipe')} expected true or false; found \`maybe\``,
      `${lineOf(text, 'tipe')} expected a number; found \`one\``,
      `${lineOf(text, 'topjson')} expected one of \`csv\`, \`excel\`, \`json\`, \`jsonl\`, \`parquet\`, \`any\`, \`geojson\`, \`topojson\`; found \`topjson\`; meant \`topojson\`?`,
      `${lineOf(text, 'count-withn')} key \`count-withn\` unknown; meant \`count-within\`?`,
      `${lineOf(text, 'count-withn')} key \`radi\` unknown; meant \`radii\`?`,
      `${lineOf(text, 'count-withn')} expected a length such as 5 mi, 500 m or 2.5 km; found \`5 miles\``,
      `${lineOf(text, '\ntrain:') + 1} key \`target\` is missing; expected text`,
    ]);
  });

  test.each([
    [
      'an unknown builder lists those there are',
      '- sql: ranked_counties.sql',
      '- frobnicate: x',
      'key `frobnicate` unknown; expected one of `sql`, `derive`, `assign`, `nearest`, `count-within`, `rollup`, `buffer-share`',
    ],
    [
      'two builders in one step are told apart',
      '- sql: ranked_counties.sql',
      '- { sql: ranked_counties.sql, derive: { a: b } }',
      'key `derive` does not go with `sql`',
    ],
    [
      'a builder is judged as the one that its key names',
      'rollup: { of: stations_located, where: id < $cut, by: [tract]',
      'rollup: { of: stations_located, where: id < $cut, by: []',
      'expected at least 1 entries',
    ],
    [
      'an evaluation is judged as the kind that its keys speak for',
      'folds: fold,',
      'fold: fold,',
      'key `fold` unknown; meant `folds`?',
    ],
    [
      'a step that is no mapping says what it must be',
      '- sql: ranked_counties.sql',
      '- ranked_counties.sql',
      'expected keys with values; found `ranked_counties.sql`',
    ],
    [
      'a source without format says which there are',
      '    format: csv\n    columns:\n      id:',
      '    columns:\n      id:',
      'key `format` is missing; expected one of `csv`, `excel`, `json`, `jsonl`, `parquet`, `any`, `geojson`, `topojson`',
    ],
    [
      'a candidate without learner says so',
      'learner: ridge',
      'lerner: ridge',
      'key `lerner` unknown; meant `learner`?',
    ],
    [
      'a name that objects have of themselves is refused',
      'ranked_msas:',
      'constructor:',
      'expected another name: this one is reserved',
    ],
    [
      'a number that would be rounded is refused',
      'until: 999999999',
      'until: 99999999999999999999',
      '99999999999999999999 is too large to be exact; put it in quotes',
    ],
    [
      'a value of the wrong kind says what was found',
      'snapshots: 30',
      'snapshots: [30]',
      'expected a number; found a list',
    ],
    ['an empty value is nothing', '  target: new_stations', '  target:', 'expected text; found nothing'],
    ['an unknown tag is a fault', 'title: Where', 'title: !secret Where', 'Unresolved tag: !secret'],
    [
      'a duplicate key is a fault',
      '  key: geoid\n  target',
      '  key: geoid\n  key: geoid\n  target',
      'Map keys must be unique',
    ],
  ])('%s', async (_, from, to, expected) => {
    expect((await faults(replaced(from, to))).join('\n')).toContain(expected);
  });

  test('text that is no YAML names the line', async () => {
    const text = replaced('sources:', 'sources: [');
    const found = await failureOf(() => loadPipeline(pipelineFolder(text)));
    expect(found.code).toBe('GR-1003');
    expect(found.where[0]?.line).toBeGreaterThanOrEqual(lineOf(text, 'sources: ['));
  });

  test('aliases that multiply without bound are refused quickly', async () => {
    const bomb = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 12; i++) bomb.push(`a${i}: &a${i} [${new Array(9).fill(`*a${i - 1}`).join(', ')}]`);
    const started = performance.now();
    const [first] = await faults(bomb.join('\n'));
    expect(first).toMatch(/alias/i);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test.each([
    ['an alias of itself', 'a: &a [*a]\n'],
    ['very deep nesting', '['.repeat(100_000)],
    ['an empty file', ''],
    ['a list', '- a\n'],
    ['two documents', 'a: 1\n---\nb: 2\n'],
    ['a NUL', 'name: "\0"\n'],
  ])('%s is GR-1003, not a crash', async (_, text) => {
    expect((await failureOf(() => loadPipeline(pipelineFolder(text)))).code).toBe('GR-1003');
  });

  test('a file beyond 1 MB and one that is not UTF-8 are refused', async () => {
    const large = pipelineFolder(`# ${'x'.repeat(1_000_000)}\n`);
    expect((await failureOf(() => loadPipeline(large))).message).toContain('at most 1000000 are read');
    writeFileSync(join(large, 'pipeline.yaml'), Buffer.from([0x6e, 0xff, 0xfe]));
    expect((await failureOf(() => loadPipeline(large))).message).toContain('is not UTF-8 text');
  });

  test('an SQL file that is absent is a fault at the step that names it', async () => {
    const folder = pipelineFolder(evSitesText);
    rmSync(join(folder, 'ranked_msas.sql'));
    writeFileSync(join(folder, 'ranked_sites.sql'), '-- $nothing\nselect $cutt from self; select 1');
    const error = await failureOf(() => loadPipeline(folder));
    expect(error.where).toEqual([
      expect.objectContaining({
        line: lineOf(evSitesText, 'sql: ranked_msas.sql'),
        note: expect.stringContaining('is not there') as string,
      }),
      { file: join(folder, 'ranked_sites.sql'), line: 2, column: 8, note: 'no parameter `$cutt`; meant `cut`?' },
      {
        file: join(folder, 'ranked_sites.sql'),
        line: 2,
        column: 23,
        note: 'expected one statement; another follows this ;',
      },
    ]);
  });
});

interface KeyAt {
  key: string;
  offset: number;
  known: string[];
}

/** Every key of ev-sites' YAML that the schema declares (names that people choose are free), with all that it may be. */
const schemaKeys = (): KeyAt[] => {
  const document = parseDocument(evSitesText);
  const value: unknown = document.toJS();
  const found: KeyAt[] = [];
  const walk = (node: unknown, path: (string | number)[]): void => {
    if (isSeq(node)) for (const [i, item] of node.items.entries()) walk(item, [...path, i]);
    if (!isMap(node)) return;
    const here = schemaAt(schema, path, value);
    const known = here === undefined ? [] : [here, ...optionsOf(here)].flatMap(keysOf);
    for (const pair of node.items) {
      const key = isScalar(pair.key) ? String(pair.key.value) : '';
      if (known.includes(key)) found.push({ key, offset: (pair.key as Node).range?.[0] ?? 0, known });
      walk(pair.value, [...path, key]);
    }
  };
  walk(document.contents, []);
  return found;
};

/** One slip of the finger: a letter too many, too few, another one, or two swapped. */
const typo = (key: string, kind: number, place: number, letter: string): string => {
  const i = place % key.length;
  if (kind === 0) return key.slice(0, i) + key.slice(i + 1);
  if (kind === 1) return key.slice(0, i) + letter + key.slice(i);
  if (kind === 2) return key.slice(0, i) + letter + key.slice(i + 1);
  return key.slice(0, i) + key.slice(i + 1, i + 2) + key.slice(i, i + 1) + key.slice(i + 2);
};

test('any typo in one key of ev-sites is an error that names file, line, column and the key', async () => {
  const keys = schemaKeys();
  expect(keys.length).toBeGreaterThan(300);
  const folder = pipelineFolder(evSitesText);
  const file = join(folder, 'pipeline.yaml');
  const letters = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz');
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...keys),
      fc.nat(3),
      fc.nat(20),
      letters,
      async ({ key, offset, known }, kind, place, letter) => {
        const wrong = typo(key, kind, place, letter);
        fc.pre(wrong !== '' && wrong !== key && !known.includes(wrong));
        writeFileSync(file, evSitesText.slice(0, offset) + wrong + evSitesText.slice(offset + key.length));
        const error = await failureOf(() => loadPipeline(folder));
        const before = evSitesText.slice(0, offset).split('\n');
        expect(error.code).toBe('GR-1003');
        expect(error.message).toContain(
          `${file}:${before.length}:${(before.at(-1) ?? '').length + 1} key \`${wrong}\``,
        );
      },
    ),
    { numRuns: 150 },
  );
});
