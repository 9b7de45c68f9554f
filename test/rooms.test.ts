import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { temporaryFolder } from './support/home.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const ROOMS = ['config', 'lake', 'activities', 'workflows', 'workers', 'client'];
const CRUISE = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');

interface Violation {
  rule: { name: string };
  from: string;
  to: string;
}

/** Violations of the rooms' rules in a folder that holds rooms and the rules. */
async function violations(root: string): Promise<Violation[]> {
  const rooms = (await readdir(root)).filter((name) => ROOMS.includes(name));
  const args = [CRUISE, '--output-type', 'json', ...rooms];
  const json = await new Promise<string>((resolve, reject) => {
    const options = { cwd: root, maxBuffer: 256 * 1024 * 1024 };
    // The exit code is the number of violations; only a run that says nothing has failed.
    execFile(process.execPath, args, options, (error, stdout, stderr) =>
      stdout.startsWith('{') ? resolve(stdout) : reject(new Error(stderr || String(error))),
    );
  });
  return (JSON.parse(json) as { summary: { violations: Violation[] } }).summary.violations;
}

/** A project of the files given, under the same rules. */
async function project(files: Record<string, string>): Promise<string> {
  const root = await temporaryFolder('rooms');
  await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'), 'junction');
  for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json'])
    await cp(join(ROOT, file), join(root, file));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
}

describe('the import rule of the six rooms (S0.16)', () => {
  test('holds in the project', { timeout: 120_000 }, async () => {
    const found = await violations(ROOT);
    expect(found.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`)).toEqual([]);
  });

  test('bites where a room reaches into one that it may not', { timeout: 120_000 }, async () => {
    const value = 'export const value = 1;\nexport type Shape = number;\n';
    const takes = (path: string): string => `import { value } from '${path}';\nexport const taken = value;\n`;
    const names = (path: string): string => `import type { Shape } from '${path}';\nexport type Named = Shape;\n`;
    const root = await project({
      'config/errors.ts': value,
      'config/settings.ts': takes('../lake/store.js'),
      'lake/store.ts': value,
      'lake/high.ts': takes('../activities/a/index.js'),
      'activities/a/index.ts': value,
      'activities/a/kernel.ts': takes('../../lake/store.js'),
      'activities/a/shape.ts': names('../../lake/store.js'),
      'activities/a/temporal.ts': "import { log } from '@temporalio/activity';\nexport const taken = log;\n",
      'activities/a/high.ts': takes('../../workflows/messages.js'),
      'workflows/messages.ts': value,
      'workflows/inner.ts': value,
      'workflows/fine.ts': names('../activities/a/index.js') + takes('../config/errors.js'),
      'workflows/step.ts': takes('../activities/a/index.js'),
      'workflows/io.ts': "import { readFileSync } from 'node:fs';\nexport const taken = readFileSync;\n",
      'workers/engine.ts': value,
      'workers/asks.ts': takes('../client/index.js'),
      'client/index.ts': value,
      'client/embedded.ts': takes('../workers/engine.js'),
      'client/engine.ts': takes('../workers/engine.js'),
      'client/inner.ts': takes('../workflows/inner.js'),
      'client/message.ts': takes('../workflows/messages.js'),
      'client/step.ts': takes('../activities/a/index.js'),
      'client/kernel.ts': names('../activities/a/shape.js'),
      'client/circle-a.ts': "import { b } from './circle-b.js';\nexport const a = (): number => b();\n",
      'client/circle-b.ts': "import { a } from './circle-a.js';\nexport const b = (): number => a();\n",
      'client/nowhere.ts': takes('./missing.js'),
      'client/dev.ts': "import ts from 'typescript';\nexport const taken = ts;\n",
    });
    const found = (await violations(root)).map(({ rule, from }) => `${rule.name}: ${from}`);
    expect(new Set(found)).toEqual(
      new Set([
        'config-imports-nothing: config/settings.ts',
        'lake-imports-config: lake/high.ts',
        'kernels-are-pure: activities/a/kernel.ts',
        'kernels-are-pure: activities/a/temporal.ts',
        'activities-import-config-and-lake: activities/a/high.ts',
        'workflows-import-types: workflows/step.ts',
        'workflows-import-the-sdk: workflows/io.ts',
        'workers-do-not-import-client: workers/asks.ts',
        'client-imports-workers-in-embedded: client/engine.ts',
        'client-imports-messages: client/inner.ts',
        'client-imports-pure-files: client/step.ts',
        'no-circular: client/circle-a.ts',
        'not-to-unresolvable: client/nowhere.ts',
        'not-to-dev-dep: client/dev.ts',
      ]),
    );
  });
});

describe('steps and workflows know no pipeline', () => {
  const sourcesOf = async (room: string): Promise<string[]> =>
    (await readdir(join(ROOT, room), { recursive: true }))
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(room, name));

  /** String literals and property names of a file, but for import paths and types. */
  const literalsOf = async (path: string): Promise<Set<string>> => {
    const source = ts.createSourceFile(path, await readFile(join(ROOT, path), 'utf8'), ts.ScriptTarget.ES2022);
    const found = new Set<string>();
    const visit = (node: ts.Node): void => {
      if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node) || ts.isTypeNode(node)) return;
      if (ts.isStringLiteralLike(node)) found.add(node.text);
      ts.forEachChild(node, visit);
    };
    visit(source);
    return found;
  };

  /** Keys below these mappings of a pipeline.yaml name columns, parameters and tables that only it introduces. */
  const INTRODUCES = [
    'columns',
    'sources',
    'tables',
    'add',
    'radii',
    'take',
    'derive',
    'parameters',
    'cutoffs',
    'evaluations',
  ];

  /** What every table of points calls its coordinates, and a folder of the lake; some pipeline has a column of each name. */
  const CONVENTIONS = ['lat', 'lon', 'state'];

  const introducedBy = (node: unknown, under = ''): string[] => {
    if (Array.isArray(node)) return node.flatMap((item) => introducedBy(item, under));
    if (typeof node !== 'object' || node === null) return [];
    return Object.entries(node).flatMap(([key, value]) => [
      ...(INTRODUCES.includes(under) ? [key] : []),
      ...(key === 'as' && typeof value === 'string' ? [value] : []),
      ...introducedBy(value, key),
    ]);
  };

  test('no string there is the name of a pipeline, or of a column that only a definition introduces', async () => {
    const pipelines = (await readdir(join(ROOT, 'config/pipelines'), { withFileTypes: true })).filter((e) =>
      e.isDirectory(),
    );
    const introduced = new Map<string, string>();
    for (const { name } of pipelines) {
      introduced.set(name, name);
      const text = await readFile(join(ROOT, 'config/pipelines', name, 'pipeline.yaml'), 'utf8');
      for (const word of introducedBy(parse(text))) introduced.set(word, name);
    }
    expect(introduced.size).toBeGreaterThan(50);
    for (const word of CONVENTIONS) introduced.delete(word);
    // Words of the definition's own language are not introduced by a pipeline, even where one names a column so.
    for (const path of await sourcesOf('config/definition')) {
      for (const word of await literalsOf(path)) introduced.delete(word);
    }
    const guilty: string[] = [];
    for (const path of [...(await sourcesOf('activities')), ...(await sourcesOf('workflows'))]) {
      for (const word of await literalsOf(path)) {
        const pipeline = introduced.get(word);
        if (pipeline !== undefined) guilty.push(`${path}: '${word}' is of ${pipeline}`);
      }
    }
    expect(guilty).toEqual([]);
  });
});
