import { judgedAgainst } from '../../config/definition/contract.js';
import type { Builder, Table } from '../../config/definition/table.js';
import type { PlanStep, Stage } from '../types.js';
import type { FrozenDefinition } from './frozen.js';

/** Tables of the model that a definition may name. */
export const PREDICTIONS = 'predictions';
export const OOF_PREDICTIONS = 'oof_predictions';
/** What every candidate foretold in every evaluation; made where a table reads it. */
export const ALL_PREDICTIONS = 'all_predictions';
export const GATHER_PREDICTIONS = 'train/predictions';

export const rawTable = (source: string): string => `raw:${source}`;

/** The name under which the mended rows of a source go from step to step. */
export const overlayOf = (source: string): string => `overlay:${source}`;

/** A table to build: its name with the cut-off, and the definition behind it. */
export interface TableTask {
  name: string;
  table: Table;
  stage: 'features' | 'score';
  cutoff?: string;
}

/** A part of an evaluation: one fold, or the whole where there are none. */
export interface FitTask {
  id: string;
  candidate: string;
  evaluation: string;
  fold?: number;
  /** Tables that the fit reads. */
  tables: string[];
}

/** Every table of a definition that this run builds, once for each cut-off. */
export function tableTasks({ pipeline, sources }: FrozenDefinition): TableTask[] {
  const absent = new Set(sources.filter(({ from }) => from === 'absent').map(({ name }) => name));
  const stage = (stage: TableTask['stage'], tables: Record<string, Table>): TableTask[] =>
    Object.entries(tables).flatMap(([name, table]): TableTask[] => {
      if (table.when !== undefined && absent.has(table.when)) return [];
      if (table.cutoffs === undefined) return [{ name, table, stage }];
      return table.cutoffs.map((cutoff) => ({ name: `${name}@${cutoff}`, table, stage, cutoff }));
    });
  return [...stage('features', pipeline.features), ...stage('score', pipeline.score.tables)];
}

export function fitTasks({ train }: FrozenDefinition['pipeline']): FitTask[] {
  if (train === undefined) return [];
  return Object.keys(train.candidates).flatMap((candidate) =>
    Object.entries(train.evaluations).flatMap(([name, evaluation]): FitTask[] => {
      const id = `train/${candidate}/${name}`;
      if ('fit' in evaluation)
        return [{ id, candidate, evaluation: name, tables: [...new Set([evaluation.fit, evaluation.score])] }];
      // The first stretch of time has none before it.
      const first = evaluation.forward ? 1 : 0;
      return Array.from({ length: evaluation.count }, (_, i) => ({
        id: `${id}/${first + i}`,
        candidate,
        evaluation: name,
        fold: first + i,
        tables: [evaluation.on],
      }));
    }),
  );
}

/** The tables that building a table reads. */
export function readsOf({ from, uses, steps }: Table): string[] {
  const named = [from, ...uses, ...steps.flatMap(readsOfBuilder)];
  return [...new Set(named.filter((name) => name !== undefined))];
}

function readsOfBuilder(builder: Builder): (string | undefined)[] {
  if ('assign' in builder) return [builder.assign.polygons];
  if ('nearest' in builder) return [builder.nearest.to];
  if ('count-within' in builder) return [builder['count-within'].of];
  if ('rollup' in builder) return [builder.rollup.of];
  if ('fit' in builder) return [builder.fit.on];
  if ('buffer-share' in builder) return [builder['buffer-share'].of];
  return [];
}

/** Id of the step that makes each table: sources are made by `validate`. */
function makers(definition: FrozenDefinition): Map<string, string> {
  const made = new Map<string, string>();
  for (const { name } of definition.sources) made.set(name, `validate/${name}`);
  for (const { name, stage } of tableTasks(definition)) made.set(name, `${stage}/${name}`);
  made.set(PREDICTIONS, `score/${PREDICTIONS}`);
  made.set(OOF_PREDICTIONS, 'train/evaluate');
  made.set(ALL_PREDICTIONS, GATHER_PREDICTIONS);
  return made;
}

/**
 * The steps of a run, each behind those it needs. With `only`, the steps of those stages and whatever they need.
 * Throws a TypeError where tables need each other in a circle (the loader has refused such a definition before).
 */
export function planSteps(definition: FrozenDefinition, only?: readonly Stage[]): PlanStep[] {
  const all = new Map(allSteps(definition).map((step) => [step.id, step]));
  const wanted = [...all.values()].filter(({ stage }) => only === undefined || only.includes(stage));
  const ordered = new Map<string, PlanStep>();
  const open = new Set<string>();
  const add = (id: string): void => {
    const step = all.get(id);
    if (step === undefined || ordered.has(id)) return;
    if (open.has(id)) throw new TypeError(`steps need each other: ${[...open, id].join(' → ')}`);
    open.add(id);
    for (const needed of step.needs) add(needed);
    open.delete(id);
    ordered.set(id, step);
  };
  for (const { id } of wanted) add(id);
  return [...ordered.values()];
}

function allSteps(definition: FrozenDefinition): PlanStep[] {
  const { pipeline, sources } = definition;
  const maker = makers(definition);
  const needs = (tables: string[]): string[] => [...new Set(tables.flatMap((table) => maker.get(table) ?? []))];
  const tables = tableTasks(definition);
  const fits = fitTasks(pipeline);

  const steps: PlanStep[] = [];
  for (const { name, from, path } of sources) {
    const present = from !== 'absent';
    if (present) steps.push({ id: `ingest/${name}`, stage: 'ingest', queue: 'io', needs: [], summary: path });
    steps.push({
      id: `validate/${name}`,
      stage: 'validate',
      queue: 'io',
      needs: [...(present ? [`ingest/${name}`] : []), ...needs(othersOf(pipeline.sources[name]))],
      summary: pipeline.sources[name]?.title ?? name,
    });
  }
  for (const { name, table, stage } of tables)
    steps.push({
      id: `${stage}/${name}`,
      stage,
      queue: 'compute',
      needs: needs(readsOf(table)),
      summary: table.title ?? name,
      ...(table.partition !== undefined && { partitioned: true }),
    });
  for (const { id, candidate, evaluation, fold, tables: read } of fits)
    steps.push({
      id,
      stage: 'train',
      queue: 'compute',
      needs: needs(read),
      summary: `${candidate}, ${evaluation}${fold === undefined ? '' : `, fold ${fold}`}`,
    });
  if (pipeline.train !== undefined) {
    const isRead =
      tables.some(({ table }) => readsOf(table).includes(ALL_PREDICTIONS)) ||
      Object.values(pipeline.outputs).some(({ table }) => table === ALL_PREDICTIONS);
    if (isRead)
      steps.push({
        id: GATHER_PREDICTIONS,
        stage: 'train',
        queue: 'compute',
        needs: fits.map(({ id }) => id),
        summary: 'what every candidate foretold in every evaluation',
      });
    const judged = pipeline.train.evaluations[pipeline.train.judge.evaluation];
    const scored = Object.values(pipeline.train.evaluations).map((e) => ('fit' in e ? e.score : e.on));
    steps.push(
      {
        id: 'train/evaluate',
        stage: 'train',
        queue: 'compute',
        needs: [...fits.map(({ id }) => id), ...needs(scored)],
        summary: 'metrics, baselines, champion',
      },
      {
        id: 'train/model',
        stage: 'train',
        queue: 'compute',
        needs: ['train/evaluate', ...needs([pipeline.train.table])],
        summary: 'the champion on all rows, exported to ONNX',
      },
      {
        id: 'train/importance',
        stage: 'train',
        queue: 'compute',
        needs: ['train/evaluate', ...needs(judged === undefined || 'fit' in judged ? [] : [judged.on])],
        summary: 'what the champion loses without each feature',
      },
      {
        id: 'train/card',
        stage: 'train',
        queue: 'io',
        // What was ingested is named on it.
        needs: ['train/evaluate', 'train/model', ...ingested(steps)],
        summary: "the model's card and version",
      },
    );
  }
  const { predict } = pipeline.score;
  if (predict !== undefined)
    steps.push({
      id: `score/${PREDICTIONS}`,
      stage: 'score',
      queue: 'compute',
      needs: [
        ...(pipeline.train?.judge.beat === true ? ['train/evaluate'] : []),
        'train/model',
        ...needs([predict.table]),
      ],
      summary: `predictions for ${predict.table}`,
      ...(predict.partition !== undefined && { partitioned: true }),
    });
  return [...steps, ...publishSteps(definition, steps, needs)].map((step) => ({
    ...step,
    summary: short(step.summary),
  }));
}

/** Sources that a source is judged against. */
const othersOf = (source: FrozenDefinition['pipeline']['sources'][string] | undefined): string[] =>
  source === undefined ? [] : judgedAgainst(source);

/** The engine refuses, again and again, summaries of more than 400 bytes; a UTF-16 unit is three bytes at most. */
const short = (summary: string): string => (summary.length <= 120 ? summary : `${summary.slice(0, 119)}…`);

function publishSteps(
  { pipeline }: FrozenDefinition,
  before: PlanStep[],
  needs: (tables: string[]) => string[],
): PlanStep[] {
  const published = Object.values(pipeline.outputs).map(({ table }) => table);
  const { map } = pipeline.report;
  const layers = map === undefined ? [] : [map.polygons, ...(map.borders === undefined ? [] : [map.borders])];
  const common = { stage: 'publish', queue: 'io' } as const;
  const trained =
    pipeline.train === undefined ? [] : ['train/evaluate', 'train/model', 'train/importance', 'train/card'];
  return [
    {
      ...common,
      id: 'publish/outputs',
      // Every step before it: what they put aside is published too.
      needs: before.map(({ id }) => id),
      summary: Object.keys(pipeline.outputs).join(', '),
    },
    {
      ...common,
      id: 'publish/report',
      needs: ['publish/outputs', ...trained, ...ingested(before), ...needs([...published, ...layers])],
      summary: 'report.html',
    },
    {
      ...common,
      id: 'publish/snapshot',
      needs: ['publish/outputs', 'publish/report', ...trained],
      summary: 'archive, then pointer',
    },
  ];
}

const ingested = (steps: PlanStep[]): string[] => steps.filter(({ stage }) => stage === 'ingest').map(({ id }) => id);
