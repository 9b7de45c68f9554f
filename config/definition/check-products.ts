import { duplicatesIn } from './check-names.js';
import { type Findings, sqlFaults } from './findings.js';
import type { Output, Pipeline } from './pipeline.js';
import type { Scope } from './references.js';
import { isLayer, type Source } from './source.js';

interface Scopes {
  features: Scope;
  score: Scope;
}

/** Training and the prediction that scoring begins with. */
export function checkTrain({ train, score }: Pipeline, scopes: Scopes, out: Findings): void {
  const { predict } = score;
  if (predict !== undefined) {
    out.add(['score', 'predict', 'table'], scopes.features.faultOf(predict.table));
    if (train === undefined) out.add(['score', 'predict'], 'nothing predicts without `train`', 'key');
  }
  if (train === undefined) return;
  out.add(['train', 'table'], scopes.features.faultOf(train.table));
  duplicatesIn(train.features, ['train', 'features'], out);
  for (const [i, feature] of train.features.entries())
    if (feature === train.target || feature === train.key)
      out.add(
        ['train', 'features', i],
        `\`${feature}\` is the ${feature === train.target ? 'target' : 'key'}, not a feature`,
      );
  for (const [name, evaluation] of Object.entries(train.evaluations)) {
    const path = ['train', 'evaluations', name];
    for (const key of ['on', 'fit', 'score'] as const)
      if (key in evaluation)
        out.add([...path, key], scopes.features.faultOf((evaluation as Record<typeof key, string>)[key]));
    if ('folds' in evaluation && train.features.includes(evaluation.folds))
      out.add([...path, 'folds'], `\`${evaluation.folds}\` is a feature, so the folds would be known to the model`);
  }
  if (Object.keys(train.candidates).length === 0)
    out.add(['train', 'candidates'], 'expected at least one candidate', 'key');
  for (const name of Object.keys(train.baselines))
    if (Object.hasOwn(train.candidates, name))
      out.add(['train', 'baselines', name], `\`${name}\` is the name of a candidate as well`, 'key');
  const { evaluation, metric, beat } = train.judge;
  if (beat && predict?.partition !== undefined)
    out.add(['train', 'judge', 'beat'], 'predictions in partitions are always those of the champion', 'key');
  for (const [name, baseline] of Object.entries(train.baselines))
    if (beat && !Array.isArray(baseline) && !train.features.includes(baseline.column))
      out.add(
        ['train', 'baselines', name],
        `it may be asked in the champion's place, so \`${baseline.column}\` must be a feature`,
      );
  const path = ['train', 'judge', 'evaluation'];
  if (out.expectKnown(path, 'evaluation', evaluation, Object.keys(train.evaluations))) {
    const judge = train.evaluations[evaluation];
    if (judge !== undefined && !('folds' in judge))
      out.add(path, `evaluation \`${evaluation}\` has no folds; the judge needs out-of-fold rows`);
  }
  out.expectKnown(['train', 'judge', 'metric'], 'metric', metric, Object.keys(train.metrics));
}

const checkOutput = (name: string, output: Output, parameters: string[], scope: Scope, out: Findings): void => {
  const path = ['outputs', name];
  out.add([...path, 'table'], scope.faultOf(output.table));
  if (output.where !== undefined)
    for (const fault of sqlFaults(output.where, parameters)) out.add([...path, 'where'], fault.text);
  if (output.format === 'geojson' && output.id === undefined)
    out.add(path, "a geojson output needs `id`, the column of its features' ids", 'key');
  if (output.format !== 'geojson' && output.id !== undefined)
    out.add([...path, 'id'], '`id` is for outputs of format geojson', 'key');
  if (output.to !== undefined && output.format !== 'table')
    out.add([...path, 'to'], 'only outputs of format table go to a database', 'key');
  duplicatesIn(output.drop, [...path, 'drop'], out);
  duplicatesIn(output.show, [...path, 'show'], out);
  for (const [i, column] of output.show.entries())
    if (output.drop.includes(column)) out.add([...path, 'show', i], `\`${column}\` is dropped, so it cannot be shown`);
};

/** Outputs, and the map that the report draws of them. */
export function checkOutputs(pipeline: Pipeline, scope: Scope, out: Findings): void {
  const { outputs, sources, parameters, report, metrics, train } = pipeline;
  for (const [key, table] of Object.entries(metrics ?? {}))
    if (table !== undefined) out.add(['metrics', key], scope.faultOf(table));
  if (metrics !== undefined && train !== undefined)
    out.add(['metrics'], 'the figures of a pipeline with `train` are those of its models', 'key');
  for (const [name, output] of Object.entries(outputs)) checkOutput(name, output, Object.keys(parameters), scope, out);
  const taken = new Map<string, string>();
  for (const [name, { to }] of Object.entries(outputs)) {
    if (to === undefined) continue;
    const table = to === 'postgres' ? name : to.postgres;
    const other = taken.get(table);
    if (other !== undefined) out.add(['outputs', name, 'to'], `\`${table}\` is where output \`${other}\` goes`);
    taken.set(table, name);
  }
  for (const [i, { output }] of report.charts.entries())
    out.expectKnown(['report', 'charts', i, 'output'], 'output', output, Object.keys(outputs));
  const { map } = report;
  if (map === undefined) return;
  const path = ['report', 'map'];
  const shapesOf = (key: 'polygons' | 'borders', name: string): Source | undefined => {
    out.add([...path, key], scope.faultOf(name));
    const source = Object.hasOwn(sources, name) ? sources[name] : undefined;
    if (source !== undefined && !isLayer(source))
      out.add([...path, key], `source \`${name}\` has no polygons, it is ${source.format}`);
    return source;
  };
  const shapes = shapesOf('polygons', map.polygons);
  if (map.borders !== undefined) shapesOf('borders', map.borders);
  if (map.name !== undefined && shapes !== undefined)
    out.expectKnown([...path, 'name'], 'column', map.name, ['id', ...Object.keys(shapes.columns)]);
  if (out.expectKnown([...path, 'output'], 'output', map.output, Object.keys(outputs)))
    for (const key of ['id', 'value'] as const)
      if (outputs[map.output]?.drop.includes(map[key]) === true)
        out.add([...path, key], `\`${map[key]}\` is dropped from output \`${map.output}\``);
  if (map.points === undefined) return;
  const isOutput = out.expectKnown([...path, 'points'], 'output', map.points, Object.keys(outputs));
  if (isOutput && outputs[map.points]?.format !== 'geojson')
    out.add([...path, 'points'], `output \`${map.points}\` is not of format geojson`);
}
