import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Pipeline } from '../../config/definition/pipeline.js';
import { loadPipeline } from '../../config/load.js';
import type { SampleSource } from '../../config/samples.js';
import { loadSample, resolveSources, sampleFiles } from '../../config/sources.js';
import { failureOf, temporaryFolder } from './support.js';

const { pipeline } = await loadPipeline('ev-sites');
const required = Object.values(pipeline.sources)
  .filter(({ optional }) => !optional)
  .map(({ uri }) => uri);
const optional = Object.values(pipeline.sources)
  .filter((source) => source.optional)
  .map(({ uri }) => uri);

const sample: SampleSource = { seed: 1, files: [...required, optional[0] ?? ''], generate: () => new Uint8Array() };

const put = (folder: string, ...uris: string[]): void => {
  for (const uri of uris) {
    mkdirSync(dirname(join(folder, uri)), { recursive: true });
    writeFileSync(join(folder, uri), 'data');
  }
};

const withUri = (uri: string): Pipeline => {
  const { stations } = pipeline.sources;
  if (stations === undefined) throw new Error('ev-sites has stations');
  return { ...pipeline, sources: { stations: { ...stations, uri } } };
};

describe('sources', () => {
  test('are found in the inputs folder with size and time, absent optional ones said to be so (S0.3)', async () => {
    const home = temporaryFolder();
    put(join(home, 'inputs'), ...required);
    const found = await resolveSources(pipeline, { home, sample });
    expect(found).toMatchObject({ sample: false, root: join(home, 'inputs') });
    const [stations] = found.sources;
    expect(stations).toMatchObject({
      name: 'stations',
      bytes: 4,
      present: true,
      path: join(home, 'inputs', required[0] ?? ''),
    });
    expect(stations?.uri).toMatch(/^file:\/\/\//);
    expect(stations?.mtimeMs).toBeGreaterThan(0);
    expect(found.sources.filter(({ present }) => !present).map(({ name }) => name)).toEqual(['sites', 'fences']);
  });

  test('come from the sample where the home has none of them', async () => {
    const home = temporaryFolder();
    const found = await resolveSources(pipeline, { home, sample });
    expect(found).toMatchObject({ sample: true, root: 'sample:ev-sites' });
    expect(found.sources[0]).toEqual({
      name: 'stations',
      uri: `sample:${required[0]}`,
      path: required[0],
      bytes: null,
      mtimeMs: null,
      present: true,
    });
    expect(found.sources.map(({ present }) => present)).toEqual([...required.map(() => true), true, false]);
    put(join(home, 'inputs'), ...optional, 'another/job.csv');
    expect((await resolveSources(pipeline, { home, sample })).sample).toBe(true);
  });

  test('that are missing are all named in one GR-2001 with the place of each (S0.3)', async () => {
    const home = temporaryFolder();
    put(join(home, 'inputs'), ...required.slice(2));
    const error = await failureOf(() => resolveSources(pipeline, { home, sample }));
    expect(error.code).toBe('GR-2001');
    expect(error.message).toContain(`stations: put it at ${join(home, 'inputs', required[0] ?? '')}`);
    expect(error.message).toContain(`tracts: put it at ${join(home, 'inputs', required[1] ?? '')}`);
    expect(error.message).toContain('or pass --inputs DIR');
    expect(error.where.map(({ note }) => note)).toEqual(['stations', 'tracts']);
  });

  test('are never sample ones with --inputs, or where the pipeline brings none', async () => {
    const home = temporaryFolder();
    const given = await failureOf(() => resolveSources(pipeline, { home, sample, inputs: join(home, 'empty') }));
    expect(given.code).toBe('GR-2001');
    expect(given.where).toHaveLength(required.length);
    expect((await failureOf(() => resolveSources(pipeline, { home }))).code).toBe('GR-2001');
  });

  test('that a sample does not generate are missing', async () => {
    const partial = { ...sample, files: required.slice(1) };
    const error = await failureOf(() => resolveSources(pipeline, { home: temporaryFolder(), sample: partial }));
    expect(error.where.map(({ note }) => note)).toEqual(['stations']);
  });

  test.each(['../x.csv', '/etc/passwd', 'a/../../x', 'C:\\x', '..\\x', '\\\\host\\x', 'a\0b'])(
    'a path %j leaves the folder: GR-2006',
    async (uri) => {
      expect((await failureOf(() => resolveSources(withUri(uri), { home: temporaryFolder(), sample }))).code).toBe(
        'GR-2006',
      );
    },
  );

  test('a link out of the folder is GR-2006, one within it is followed', async () => {
    const inputs = temporaryFolder();
    const outside = temporaryFolder();
    put(outside, 'secret.csv');
    put(inputs, 'real.csv');
    symlinkSync(join(outside, 'secret.csv'), join(inputs, 'out.csv'));
    symlinkSync(outside, join(inputs, 'folder'));
    symlinkSync('real.csv', join(inputs, 'in.csv'));
    expect((await failureOf(() => resolveSources(withUri('out.csv'), { home: inputs, inputs }))).code).toBe('GR-2006');
    expect((await failureOf(() => resolveSources(withUri('folder/secret.csv'), { home: inputs, inputs }))).code).toBe(
      'GR-2006',
    );
    expect((await resolveSources(withUri('in.csv'), { home: inputs, inputs })).sources[0]?.present).toBe(true);
  });

  test('a folder in the place of a file, and links in a circle, are GR-2002', async () => {
    const inputs = temporaryFolder();
    mkdirSync(join(inputs, 'x.csv'));
    symlinkSync('loop.csv', join(inputs, 'loop.csv'));
    for (const uri of ['x.csv', 'loop.csv'])
      expect((await failureOf(() => resolveSources(withUri(uri), { home: inputs, inputs }))).code).toBe('GR-2002');
  });

  test('a pipeline without a sample module has none', async () => {
    expect(await loadSample('other', temporaryFolder())).toBeUndefined();
  });

  test('a sample module that cannot be loaded is a fault of the definition', async () => {
    for (const text of [
      'export const sample = ',
      'throw new Error("boom")',
      'import "./nowhere.mjs"',
      'export const x = 1',
    ]) {
      const folder = temporaryFolder();
      writeFileSync(join(folder, 'sample.mjs'), text);
      const error = await failureOf(() => loadSample('other', folder));
      expect(error.code).toBe('GR-1003');
      expect(error.message).toContain('sample.mjs');
    }
  });

  test("ev-sites' sample makes every file that its sources name", async () => {
    const generated = await loadSample('ev-sites');
    expect(generated?.files).toEqual(expect.arrayContaining([...required, ...optional]));
  });

  test('files of a sample are found by the pattern of their source, in ascending order', () => {
    const files = ['a/y.csv', 'a/x.csv', 'a/b/z.csv', 'a/x.json', 'c.csv'];
    expect(sampleFiles({ files }, 'a/*.csv')).toEqual(['a/x.csv', 'a/y.csv']);
    expect(sampleFiles({ files }, 'a/**/*.csv')).toEqual(['a/b/z.csv', 'a/x.csv', 'a/y.csv']);
    expect(sampleFiles({ files }, '**/?.csv')).toEqual([]);
    expect(sampleFiles({ files }, 'c.csv')).toEqual(['c.csv']);
    expect(sampleFiles({ files }, 'd*')).toEqual([]);
  });

  test('a sample module may lie beside the pipeline.yaml of another place', async () => {
    const folder = temporaryFolder();
    writeFileSync(
      join(folder, 'sample.mjs'),
      'export const sample = { seed: 7, files: [], generate: () => new Uint8Array() };',
    );
    expect((await loadSample('other', folder))?.seed).toBe(7);
  });
});
