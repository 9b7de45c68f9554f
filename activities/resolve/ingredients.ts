import { judgedAgainst } from '../../config/definition/contract.js';
import type { Pipeline } from '../../config/definition/pipeline.js';
import type { Table } from '../../config/definition/table.js';
import type { Parameters } from '../../lake/parameters.js';
import { JUDGEMENT, MODEL, MODEL_FACTS, ONNX } from '../train/names.js';
import type { PlanStep, StepRecord } from '../types.js';
import type { FrozenDefinition } from './frozen.js';
import { fitTasks, GATHER_PREDICTIONS, overlayOf, PREDICTIONS, rawTable, readsOf, tableTasks } from './plan.js';

/** What a step goes by. It is given nothing else, so nothing else can change what it leaves. */
export interface Recipe {
  /** Modules that do the work. */
  code: string[];
  /** The part of the definition that it goes by, as JSON. */
  parameters: unknown;
  /** Names of the tables and artifacts that it reads. */
  reads: string[];
}

/**
 * What decides the result of a step; undefined for those whose results are never reused, as they tell of one run: the
 * report, the snapshot.
 */
export function recipeOf(
  definition: FrozenDefinition,
  { id, stage }: Pick<PlanStep, 'id' | 'stage'>,
): Recipe | undefined {
  const name = id.slice(stage.length + 1);
  switch (stage) {
    case 'ingest':
    case 'validate':
      return sourceRecipe(definition, name, stage);
    case 'features':
      return tableRecipe(definition, name, stage);
    case 'train':
      return trainRecipe(definition, id);
    case 'score':
      return name === PREDICTIONS ? predictRecipe(definition) : tableRecipe(definition, name, stage);
    case 'publish':
      return name === 'outputs' ? outputsRecipe(definition) : undefined;
  }
}

/** Digests of what a step reads, by name; undefined while one of them is not made yet. */
export function inputsOf(
  { reads }: Recipe,
  id: string,
  made: { tables: Record<string, { sha256: string }>; artifacts: Record<string, { sha256: string }> },
  records: readonly Pick<StepRecord, 'id' | 'quarantine'>[],
): Record<string, string> {
  const inputs: Record<string, string> = {};
  for (const name of reads) {
    if (made.tables[name] !== undefined) inputs[name] = made.tables[name].sha256;
    if (made.artifacts[name] !== undefined) inputs[`${name} (bytes)`] = made.artifacts[name].sha256;
  }
  // What any step put aside is published too.
  if (id === 'publish/outputs')
    for (const record of records)
      if (record.quarantine !== undefined) inputs[`quarantine of ${record.id}`] = record.quarantine.sha256;
  return inputs;
}

function sourceRecipe(definition: FrozenDefinition, name: string, stage: 'ingest' | 'validate'): Recipe | undefined {
  const source = definition.pipeline.sources[name];
  if (source === undefined) return undefined;
  // How old a source is depends on when it is asked. Its volume was judged when these bytes came.
  if (stage === 'validate' && source.freshness !== undefined) return undefined;
  return {
    code: [`activities/${stage}/index`],
    parameters: { ...without(source, 'title'), ...placeOf(definition, name) },
    reads: stage === 'ingest' ? [] : [...recordsOf(name), ...judgedAgainst(source)],
  };
}

/** What the records of a source are read from: its bytes, and the rows that were mended since. */
const recordsOf = (source: string): string[] => [rawTable(source), overlayOf(source)];

const placeOf = ({ sources }: FrozenDefinition, source: string) => {
  const place = sources.find(({ name }) => name === source);
  return { from: place?.from, path: place?.path };
};

function tableRecipe(definition: FrozenDefinition, name: string, stage: 'features' | 'score'): Recipe | undefined {
  const task = tableTasks(definition).find((one) => one.name === name && one.stage === stage);
  if (task === undefined) return undefined;
  const table = without(task.table, 'title', 'cutoffs', 'when');
  return {
    code: [makerOf(task.table)],
    parameters: { table, values: used(definition.pipeline, task.cutoff, table) },
    reads: readsOf(task.table as Table),
  };
}

function makerOf({ partition, steps }: Table): string {
  if (partition === undefined) return 'activities/features/steps/build';
  return `activities/partitions/steps/${steps.some((builder) => 'sql' in builder) ? 'selects' : 'tables'}`;
}

/** Hands a step of training its data and keeps what it leaves; the steps name it only as a type. */
const TRAINING = 'activities/train/steps/work';

function trainRecipe(definition: FrozenDefinition, id: string): Recipe | undefined {
  const { train, title, description } = definition.pipeline;
  if (train === undefined) return undefined;
  const { key, target, features, candidates, evaluations } = train;
  const fits = fitTasks(definition.pipeline);
  const fit = fits.find((task) => task.id === id);
  if (fit !== undefined)
    return {
      code: ['activities/train/steps/fit', TRAINING],
      parameters: {
        key,
        target,
        features,
        candidate: candidates[fit.candidate],
        evaluation: without(evaluations[fit.evaluation] ?? {}, 'title'),
        fold: fit.fold,
      },
      reads: fit.tables,
    };
  if (id === GATHER_PREDICTIONS)
    return {
      code: ['activities/train/steps/gather'],
      parameters: { key, fits: fits.map(({ id, candidate, evaluation }) => ({ id, candidate, evaluation })) },
      reads: fits.map((task) => task.id),
    };
  if (id === 'train/evaluate')
    return {
      code: ['activities/train/steps/judge', TRAINING],
      parameters: without(train, 'card', 'table'),
      reads: [...fits.map((task) => task.id), ...fits.flatMap(({ tables }) => tables)],
    };
  if (id === 'train/model')
    return {
      code: ['activities/train/steps/champion', TRAINING],
      parameters: { key, target, features, candidates, table: train.table },
      reads: [JUDGEMENT, train.table],
    };
  if (id === 'train/importance') {
    const { judge, metrics } = train;
    const evaluation = evaluations[judge.evaluation];
    return {
      code: ['activities/train/steps/importance', TRAINING],
      parameters: { key, target, features, candidates, judge, metric: metrics[judge.metric], evaluation },
      reads: [JUDGEMENT, ...(evaluation !== undefined && 'on' in evaluation ? [evaluation.on] : [])],
    };
  }
  return {
    code: ['activities/train/steps/card', TRAINING],
    parameters: { train, title, description, sample: definition.sources.map(({ from }) => from) },
    reads: [JUDGEMENT, MODEL_FACTS, ONNX, ...definition.sources.map(({ name }) => rawTable(name))],
  };
}

function predictRecipe({ pipeline: { train, score } }: FrozenDefinition): Recipe {
  return {
    code: ['activities/score/index', 'activities/partitions/steps/predictions'],
    parameters: { predict: score.predict, key: train?.key, features: train?.features, beat: train?.judge.beat },
    reads: [
      MODEL,
      ONNX,
      ...(train?.judge.beat === true ? [JUDGEMENT] : []),
      ...(score.predict === undefined ? [] : [score.predict.table]),
    ],
  };
}

function outputsRecipe(definition: FrozenDefinition): Recipe {
  const { pipeline } = definition;
  const tables = Object.values(pipeline.outputs).map(({ table }) => table);
  const orders = tableTasks(definition)
    .filter(({ name }) => tables.includes(name))
    .map(({ name, table: { key, sort } }) => ({ name, key, sort }));
  const outputs = Object.fromEntries(
    Object.entries(pipeline.outputs).map(([name, output]) => [name, without(output, 'title', 'show')]),
  );
  return {
    code: ['outputs', 'quarantine', 'metrics'].map((name) => `activities/publish/steps/${name}`),
    parameters: { outputs, orders, metrics: pipeline.metrics, values: used(pipeline, undefined, outputs) },
    reads: [
      ...tables,
      ...Object.values(pipeline.metrics ?? {}).filter((name) => name !== undefined),
      ...definition.sources.flatMap(({ name }) => recordsOf(name)),
    ],
  };
}

function without<T extends object>(value: T, ...keys: string[]): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key))) as Partial<T>;
}

/** The parameters that a part of the definition names, with the values that a cut-off gives them. */
function used(pipeline: Pipeline, cutoff: string | undefined, part: unknown): Parameters {
  const text = JSON.stringify(part);
  const values: Parameters = { ...pipeline.parameters, ...(cutoff !== undefined && pipeline.cutoffs[cutoff]) };
  return Object.fromEntries(
    Object.entries(values)
      .filter(([name]) => new RegExp(`\\$${name}\\b`).test(text))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
