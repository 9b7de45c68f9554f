import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { STAGES } from '../../activities/types.js';
import { addedBy } from '../../config/definition/references.js';
import type { Builder } from '../../config/definition/table.js';
import { listPipelines, loadPipeline } from '../../config/load.js';

const ROOT = join(import.meta.dirname, '../..');

/** Words that the product itself gives a meaning, and that a definition may use too. */
const OWN = new Set<string>([
  ...STAGES,
  ...['id', 'name', 'lon', 'lat', 'geometry', 'prediction', 'predictions', 'oof_predictions'],
  // A folder of the lake, a column of the quarantine, a scale of predictions; types of SQL.
  ...['state', 'reason', 'rank', 'integer', 'double', 'bigint', 'varchar', 'date'],
  // Parts of the calendar.
  ...['day', 'month', 'hour'],
]);

/** Each text that stands in a source file, in quotes or as part of a template. */
function textsOf(file: string): { text: string; line: number }[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const found: { text: string; line: number }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddle(node) || ts.isTemplateTail(node))
      found.push({ text: node.text, line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1 });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Names that a definition brings: its own, its sources, tables, columns, parameters, cut-offs, candidates and outputs. */
async function namesOf(pipeline: string): Promise<Set<string>> {
  const { pipeline: one } = await loadPipeline(pipeline, { pipelines: [join(ROOT, 'config/pipelines')] });
  const tables = { ...one.features, ...one.score.tables };
  const made = (builder: Builder): string[] => {
    if ('sql' in builder) return [...builder.sql.matchAll(/\bas\s+(\w+)/g)].map(([, name]) => name ?? '');
    return [...addedBy(builder), ...('rollup' in builder ? builder.rollup.by : [])];
  };
  const names = [
    one.name,
    ...[one.sources, tables, one.parameters, one.cutoffs, one.outputs].flatMap(Object.keys),
    ...Object.values(one.sources).flatMap(({ columns }) =>
      Object.entries(columns).flatMap(([name, { from = name }]) => [name, from]),
    ),
    ...Object.values(tables).flatMap(({ steps }) => steps.flatMap(made)),
    ...[one.train?.evaluations, one.train?.metrics, one.train?.baselines].flatMap((named) => Object.keys(named ?? {})),
  ];
  // One letter is an alias in SQL, no name.
  return new Set(names.filter((name) => name.length > 1 && !OWN.has(name)));
}

test('no text in activities or workflows is a name that only a definition brings', async () => {
  const files = ['activities', 'workflows'].flatMap((room) =>
    readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(room, name)),
  );
  const pipelines = await listPipelines({ pipelines: [join(ROOT, 'config/pipelines')] });
  const found: string[] = [];
  for (const { name } of pipelines) {
    const names = await namesOf(name);
    expect(names.size).toBeGreaterThan(20);
    for (const file of files)
      for (const { text, line } of textsOf(join(ROOT, file)))
        if (names.has(text)) found.push(`${file}:${line} ${text}`);
  }
  expect(found).toEqual([]);
});
