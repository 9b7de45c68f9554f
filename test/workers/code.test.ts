import { cp, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import type { CodeDigests } from '../../activities/deps.js';
import { recipeOf } from '../../activities/resolve/ingredients.js';
import { planSteps } from '../../activities/resolve/plan.js';
import { loadPipeline } from '../../config/load.js';
import { projectRoot } from '../../config/root.js';
import { temporaryFolder } from '../support/home.js';

const ROOT = projectRoot();

/** A copy of the build, as it is installed. */
async function installed(): Promise<string> {
  const folder = await temporaryFolder('code');
  for (const file of ['package.json', 'package-lock.json', 'README.md']) await cp(join(ROOT, file), join(folder, file));
  await cp(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction');
  return folder;
}

/** What is done for the steps of the demo: the modules of each, by the step's id. */
async function modulesOf(): Promise<Map<string, string[]>> {
  const { pipeline } = await loadPipeline('ev-sites', { pipelines: [join(ROOT, 'config', 'pipelines')] });
  const sources = Object.entries(pipeline.sources).map(([name, { uri }]) => ({
    name,
    from: 'file' as const,
    path: uri,
  }));
  const definition = { pipeline, sources };
  return new Map(
    planSteps(definition).flatMap((step): [string, string[]][] => {
      const recipe = recipeOf(definition, step);
      return recipe === undefined ? [] : [[step.id, recipe.code]];
    }),
  );
}

describe('digests of code (S0.12)', () => {
  let folder = '';
  let modules: Map<string, string[]>;
  let read: () => CodeDigests;

  /** The digest of each step's code, as a worker that starts now would have it. */
  const digests = async (): Promise<Map<string, string>> => {
    const code = read();
    return new Map(await Promise.all([...modules].map(async ([id, of]) => [id, await code.of(...of)] as const)));
  };

  /** Ids of the steps whose code is another one after an edit, which is taken back. */
  const changedBy = async (path: string, edit = (text: string) => `${text}\nexport const edited = true;\n`) => {
    const [before, text] = [await digests(), await readFile(join(folder, path), 'utf8')];
    await writeFile(join(folder, path), edit(text));
    const after = await digests();
    await writeFile(join(folder, path), text);
    return [...modules.keys()].filter((id) => before.get(id) !== after.get(id)).sort();
  };

  const idsOf = (...matches: RegExp[]): string[] =>
    [...modules.keys()].filter((id) => matches.some((match) => match.test(id))).sort();

  beforeAll(async () => {
    [folder, modules] = await Promise.all([installed(), modulesOf()]);
    const module = (await import(pathToFileURL(join(folder, 'dist', 'workers', 'code.js')).href)) as {
      readCode(): CodeDigests;
    };
    read = module.readCode;
  });

  test('are the same each time they are read, and one where the same modules do the work', async () => {
    const [first, second] = [await digests(), await digests()];
    expect(second).toEqual(first);
    expect(first.get('features/tract_features@train')).toBe(first.get('features/tract_features@score'));
    expect(new Set(first.values()).size).toBeGreaterThan(5);
  });

  test('change with a helper two imports deep, for exactly the steps that lead to it', async () => {
    expect(await changedBy('dist/lake/hashing.js')).toEqual([...modules.keys()].sort());
    expect(await changedBy('dist/activities/train/steps/work.js')).toEqual(idsOf(/^train\//));
    expect(await changedBy('dist/activities/validate/contract.js')).toEqual(idsOf(/^validate\//));
    expect(await changedBy('dist/activities/ingest/fetch.js')).toEqual(idsOf(/^ingest\//));
    // Records are counted where they come in, read where they are judged, and shown where they were put aside.
    expect(await changedBy('dist/activities/ingest/csv.js')).toEqual(
      idsOf(/^ingest\//, /^validate\//, /^publish\/outputs$/),
    );
    expect(await changedBy('dist/activities/train/steps/judge.js')).toEqual(['train/evaluate']);
    expect(await changedBy('dist/activities/publish/geojson.js')).toEqual(['publish/outputs']);
    expect(await changedBy('dist/activities/partitions/neighbours.js')).toEqual(idsOf(/tract_features@/));
  });

  test('change with a kernel, for the steps that have it run on other threads', async () => {
    const spatial = idsOf(/^features\//, /^score\//);
    expect(await changedBy('dist/activities/features/geo/within.js')).toEqual(spatial);
    expect(await changedBy('dist/activities/features/geo/reach.js')).toEqual(idsOf(/tract_features@/));
    // A table may be made by learners, so whatever makes tables leads to them.
    const fits = idsOf(/^train\/(?!card)/, /^features\//, /^score\//);
    expect(await changedBy('dist/activities/train/trees/trees.wasm'), 'compiled to WebAssembly').toEqual(fits);
    expect(await changedBy('dist/activities/train/trees/thread.js'), 'on threads of a fit').toEqual(fits);
    expect(await changedBy('dist/activities/train/ridge.js')).toEqual(fits);
  });

  test('do not change with what is no code of theirs: a README, types, maps, the workflows, the client, the report', async () => {
    const none = ['README.md', 'dist/lake/types.d.ts', 'dist/lake/hashing.js.map', 'dist/client/cli/main.js'];
    none.push('dist/workflows/run.js', 'dist/activities/publish/html.js', 'dist/activities/resolve/steps/decide.js');
    for (const path of none) expect(await changedBy(path), path).toEqual([]);
  });

  test('tell the modules of a pipeline of its own by what it imports', async () => {
    const [module, helper] = [join(folder, 'generate.js'), join(folder, 'helper.js')];
    await writeFile(module, "import { value } from './helper.js';\nexport const made = value;\n");
    await writeFile(helper, 'export const value = 1;\n');
    const first = await read().ofFile(module);
    await writeFile(helper, 'export const value = 2;\n');
    expect(await read().ofFile(module)).not.toBe(first);
  });

  test('of packages change with the lockfile', async () => {
    const path = join(folder, 'package-lock.json');
    const [first, lock] = [await read().packages(), await readFile(path, 'utf8')];
    await writeFile(path, `${lock} `);
    expect(await read().packages()).not.toBe(first);
    await writeFile(path, lock);
    expect(await read().packages()).toBe(first);
  });

  test('cover every kernel: each is named by a module that some step leads to', async () => {
    const kernels = await readFile(join(folder, 'dist', 'activities', 'pool', 'kernels.js'), 'utf8');
    const files = [...kernels.matchAll(/from '\.\.\/([^']+\.js)'/g)].map(([, file]) => `dist/activities/${file}`);
    expect(files.length).toBeGreaterThan(8);
    for (const file of files.filter((path) => !path.endsWith('publish/render.js')))
      expect((await changedBy(file)).length, file).toBeGreaterThan(0);
  });
});
