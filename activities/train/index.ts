import { createRequire } from 'node:module';
import type { Evaluation as EvaluationDefinition, Train } from '../../config/definition/model.js';
import { GeorefreshError } from '../../config/errors.js';
import { putArtifact } from '../../lake/artifacts.js';
import { jsonBytes } from '../../lake/manifest.js';
import { listModels, registerModel } from '../../lake/models.js';
import { quoteIdent } from '../../lake/sql.js';
import { putColumns, readTable, withTables } from '../../lake/tables.js';
import type { Columns, TableRef } from '../../lake/types.js';
import { artifactOf, type Deps, definitionOf, prefixOf, tableOf } from '../deps.js';
import { type Made, type StepContext, step } from '../durable.js';
import { columnOf, valuesOf } from '../features/builders/columns.js';
import { numbers } from '../features/builders/context.js';
import { readJson } from '../json.js';
import { type FitTask, fitTasks, OOF_PREDICTIONS, rawTable } from '../resolve/plan.js';
import { PARITY_TOLERANCE, parity } from '../score/onnx.js';
import type { StepInput } from '../types.js';
import type { CardData } from './card.js';
import { renderCard } from './card.js';
import { type Evaluation, withEvaluation } from './evaluate.js';
import { toFeatures } from './features.js';
import { splitFold } from './folds.js';
import type { TrainingData } from './learner.js';
import { learnerOf, parseParams } from './learners.js';
import { encodeModelJson } from './model-json.js';

const { version: producerVersion } = createRequire(import.meta.url)('georefresh/package.json') as { version: string };

/** What `train/evaluate` found, kept for the report and the model card. */
export interface Judgement {
  table: Evaluation['table'];
  verdict: string;
  beaten: boolean;
  losses: Evaluation['losses'];
  lift: Evaluation['lift'];
}

export const JUDGEMENT = 'judgement';
export const METRICS = 'metrics.json';
export const MODEL = 'model.json';
export const ONNX = 'model.onnx';
export const CARD = 'model-card.md';

export const createTrainActivities = (deps: Deps) => {
  /** A step of the train stage: a fit of an evaluation, the judgement over all of them, or the model that is published. */
  const train = step(deps.log, async (input: StepInput, context: StepContext): Promise<Made> => {
    const { pipeline } = await definitionOf(deps.lake, input);
    if (pipeline.train === undefined) throw new GeorefreshError('GR-3009', `${pipeline.name} trains no model`);
    const work = new Training(deps, pipeline.name, pipeline.train, input, context);
    if (input.step.id === 'train/evaluate') return work.judge(fitTasks(pipeline));
    if (input.step.id === 'train/model')
      return work.model({ title: pipeline.title, description: pipeline.description });
    const task = fitTasks(pipeline).find(({ id }) => id === input.step.id);
    if (task === undefined) throw new GeorefreshError('GR-3009', `no step is called ${input.step.id}`);
    return work.fit(task);
  });
  return { train };
};

class Training {
  constructor(
    private readonly deps: Deps,
    private readonly pipeline: string,
    private readonly definition: Train,
    private readonly input: StepInput,
    private readonly context: StepContext,
  ) {}

  /** Out-of-sample predictions of one candidate: a table of key and prediction. */
  async fit(task: FitTask): Promise<Made> {
    const evaluation = this.evaluation(task.evaluation);
    const { learner, ...params } = this.candidate(task.candidate);
    const fitted = 'fit' in evaluation ? evaluation.fit : evaluation.on;
    const { table, data } = await this.training(fitted, 'fit' in evaluation ? [] : [evaluation.folds]);
    const options = this.kernelOptions();
    let keys: string[];
    let prediction: Float64Array;
    if ('fit' in evaluation) {
      const scored = await this.training(evaluation.score);
      prediction = await this.deps.pool.run('fitPredict', { learner, params, data, matrix: scored.data }, options);
      keys = this.keys(scored.table);
    } else {
      const folds = numbers(columnOf(table, evaluation.folds), evaluation.folds, fitted);
      const fold = task.fold ?? 0;
      const part = await this.deps.pool.run('fitFold', { learner, params, data, folds, fold }, options);
      prediction = part.prediction;
      const all = this.keys(table);
      keys = Array.from(splitFold(folds, fold).inside, (row) => all[row]);
    }
    const predicted = await this.putPredictions(keys, prediction);
    return { tables: { [task.id]: predicted }, artifacts: {}, rowsIn: table.rows, rowsOut: predicted.rows, facts: {} };
  }

  /** Metrics of every candidate and baseline, the champion, and its out-of-fold predictions. */
  async judge(tasks: FitTask[]): Promise<Made> {
    const { judge, evaluations } = this.definition;
    const judged = new Map<string, Evaluation>();
    let rows = 0;
    for (const [name, evaluation] of Object.entries(evaluations)) {
      const own = tasks.filter((task) => task.evaluation === name);
      const result = await this.judgeEvaluation(name, evaluation, own);
      judged.set(name, result.evaluation);
      rows = Math.max(rows, result.rows);
    }
    const first = judged.get(judge.evaluation);
    if (first === undefined) throw new GeorefreshError('GR-3009', `no evaluation is called ${judge.evaluation}`);
    let { table } = first;
    for (const [name, { table: other }] of judged)
      if (name !== judge.evaluation) table = withEvaluation(table, name, { models: other.models });

    const { verdict, beaten, losses, lift } = first;
    const judgement: Judgement = { table, verdict, beaten, losses, lift };
    const champion = tasks.filter((task) => task.evaluation === judge.evaluation && task.candidate === table.champion);
    const oof = await this.pooled(champion, this.scoredTable(evaluations[judge.evaluation]));
    return {
      tables: {
        [OOF_PREDICTIONS]: await this.putPredictions(
          this.keys(oof),
          numbers(oof.columns.prediction, 'prediction', OOF_PREDICTIONS),
        ),
      },
      artifacts: {
        [METRICS]: await this.putJson(table),
        [JUDGEMENT]: await this.putJson(judgement),
      },
      rowsIn: rows,
      rowsOut: oof.rows,
      facts: {
        champion: table.champion,
        beaten: beaten ? 1 : 0,
        [judge.metric]: table.models[table.champion]?.[judge.metric] ?? null,
      },
    };
  }

  /** The champion on all rows, its export held against it, and its card. */
  async model({ title, description }: { title: string; description: string }): Promise<Made> {
    const judgement = await readJson<Judgement>(this.deps.lake, artifactOf(this.input, JUDGEMENT));
    const { champion } = judgement.table;
    const { learner, ...params } = this.candidate(champion);
    const ref = tableOf(this.input, this.definition.table);
    const { table, data } = await this.training(this.definition.table);
    const options = this.kernelOptions();
    const model = await this.deps.pool.run('fitModel', { learner, params, data }, options);
    const metadata = {
      name: this.pipeline,
      producerVersion,
      domain: 'org.georefresh',
      modelVersion: 1,
      description: `${champion} of ${this.pipeline}: ${this.definition.target} by ${model.features.length} features`,
      target: this.definition.target,
      trainingTableSha256: ref.sha256,
    };
    const { onnx, native, importance } = await this.deps.pool.run(
      'exportModel',
      { model, metadata, matrix: data },
      options,
    );
    const agreement = parity(native, await this.deps.pool.run('scoreOnnx', { model: onnx, matrix: data }, options));
    demandParity(agreement);

    const { lake } = this.deps;
    const prefix = prefixOf(this.pipeline, 'models');
    const exported = await putArtifact(lake.store, prefix, onnx, 'onnx', { signal: this.context.signal });
    const card: CardData = {
      pipeline: this.pipeline,
      title,
      description,
      sample: this.input.inputs === undefined,
      version: await this.versionOf(exported.sha256),
      logicalTime: this.input.header.logicalTime,
      model: {
        learner,
        scale: learnerOf(learner).scaleOf(parseParams(learner, params)),
        params: parseParams(learner, params) as Record<string, unknown>,
        sha256: exported.sha256,
        target: this.definition.target,
        features: model.features.map((name, i) => ({ name, importance: importance[i] })),
        unused: model.features.filter((_, i) => importance[i] === 0),
      },
      ...this.definition.card,
      data: { trainingTableSha256: ref.sha256, rows: table.rows, sources: this.cardSources() },
      metrics: judgement.table,
      evaluations: Object.entries(this.definition.evaluations).map(([name, { title: how = name }]) => ({
        suffix: name === this.definition.judge.evaluation ? '' : name,
        title: how,
      })),
      verdict: judgement.verdict,
      slices: [],
      parity: agreement.max,
    };
    const cardRef = await this.putJson(card);
    const registered = await registerModel(lake.store, this.pipeline, {
      onnx: exported,
      card: cardRef,
      createdBy: this.input.header.run,
      metrics: judgement.table.models[champion] ?? {},
    });
    return {
      tables: {},
      artifacts: {
        [ONNX]: exported,
        [MODEL]: await putArtifact(lake.store, prefix, encodeModelJson(model), 'json', { signal: this.context.signal }),
        [CARD]: await putArtifact(lake.store, prefix, Buffer.from(renderCard(card)), 'md', {
          signal: this.context.signal,
        }),
      },
      rowsIn: table.rows,
      rowsOut: table.rows,
      facts: { champion, version: `v${registered.version}`, sha256: exported.sha256, parity: agreement.max },
    };
  }

  /** The version that the registry has given to a model, or will give to it. */
  private async versionOf(sha256: string): Promise<string> {
    const models = await listModels(this.deps.lake.store, this.pipeline);
    const version = models.find((model) => model.sha256 === sha256)?.version ?? (models.at(-1)?.version ?? 0) + 1;
    return `v${version}`;
  }

  private cardSources(): CardData['data']['sources'] {
    return Object.entries(this.input.artifacts)
      .filter(([name]) => name.startsWith(rawTable('')))
      .map(([name, { sha256 }]) => {
        const rows = this.input.tables[name]?.rows;
        return { name: name.slice(rawTable('').length), sha256, ...(rows !== undefined && { rows }) };
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  private async judgeEvaluation(
    name: string,
    evaluation: EvaluationDefinition,
    tasks: FitTask[],
  ): Promise<{ evaluation: Evaluation; rows: number }> {
    const { target, baselines, metrics, judge, candidates } = this.definition;
    const isJudge = name === judge.evaluation;
    const scored = this.scoredTable(evaluation);
    const wanted = isJudge ? [...new Set(Object.values(baselines).flat())] : [];
    const models: Record<
      string,
      { prediction: Float64Array; scale: ReturnType<ReturnType<typeof learnerOf>['scaleOf']> }
    > = {};
    let base: Columns | undefined;
    for (const [candidate, { learner, ...params }] of Object.entries(candidates)) {
      base = await this.pooled(
        tasks.filter((task) => task.candidate === candidate),
        scored,
        [target, ...wanted],
      );
      models[candidate] = {
        prediction: numbers(base.columns.prediction, 'prediction', candidate),
        scale: learnerOf(learner).scaleOf(parseParams(learner, params)),
      };
    }
    if (base === undefined) throw new GeorefreshError('GR-3002', 'there is no candidate to judge');
    const { columns } = base;
    const result = await this.deps.pool.run(
      'judgeModels',
      {
        keys: this.keys(base),
        target: numbers(columns[target], target, scored),
        models,
        baselines: isJudge
          ? Object.fromEntries(
              Object.entries(baselines).map(([key, names]) => [
                key,
                names.map((column) => numbers(columns[column], column, scored)),
              ]),
            )
          : {},
        metrics,
        judge: { metric: judge.metric, better: judge.better },
      },
      this.kernelOptions(),
    );
    return { evaluation: result, rows: base.rows };
  }

  /** Predictions of all parts beside the key and columns of the table that they are for; every row once, or GR-3002. */
  private async pooled(tasks: FitTask[], table: string, columns: string[] = []): Promise<Columns> {
    const { lake } = this.deps;
    const key = quoteIdent(this.definition.key);
    const parts = tasks.map(({ id }) => tableOf(this.input, id));
    const scored = tableOf(this.input, table);
    const { signal } = this.context;
    const pooled = await lake.duckdb.session(
      (session) =>
        withTables(
          lake,
          session,
          { parts, scored },
          () =>
            session.readColumns(
              `select s.${key}, ${columns.map((name) => `s.${quoteIdent(name)}, `).join('')} p.prediction
             from scored s join parts p on p.${key} = s.${key} order by s.${key}`,
            ),
          { signal },
        ),
      { signal, step: this.input.step.id },
    );
    const predicted = parts.reduce((sum, part) => sum + part.rows, 0);
    if (pooled.rows !== scored.rows || predicted !== scored.rows)
      throw new GeorefreshError(
        'GR-3002',
        `${predicted} predictions for ${scored.rows} rows of ${table}: each row must lie in one fold`,
      );
    return pooled;
  }

  private scoredTable(evaluation: EvaluationDefinition | undefined): string {
    if (evaluation === undefined) throw new GeorefreshError('GR-3009', 'the judging evaluation is not defined');
    return 'fit' in evaluation ? evaluation.score : evaluation.on;
  }

  private async training(name: string, extra: string[] = []): Promise<{ table: Columns; data: TrainingData }> {
    const { key, target, features } = this.definition;
    const columns = [...new Set([key, target, ...features, ...extra])];
    const table = await readTable(this.deps.lake, tableOf(this.input, name), columns, { signal: this.context.signal });
    return { table, data: { ...toFeatures(table, features), target: numbers(table.columns[target], target, name) } };
  }

  private keys(table: Columns): string[] {
    return Array.from(valuesOf(columnOf(table, this.definition.key)), String);
  }

  private putPredictions(keys: string[], prediction: Float64Array): Promise<TableRef> {
    return putPredictions(
      this.deps,
      this.input,
      this.definition.key,
      'prediction',
      keys,
      prediction,
      this.context.signal,
    );
  }

  private putJson(value: unknown) {
    return putArtifact(this.deps.lake.store, prefixOf(this.pipeline, 'models'), jsonBytes(value), 'json', {
      signal: this.context.signal,
    });
  }

  private evaluation(name: string): EvaluationDefinition {
    const evaluation = this.definition.evaluations[name];
    if (evaluation === undefined) throw new GeorefreshError('GR-3009', `no evaluation is called ${name}`);
    return evaluation;
  }

  private candidate(name: string): Train['candidates'][string] {
    const candidate = this.definition.candidates[name];
    if (candidate === undefined) throw new GeorefreshError('GR-3009', `no candidate is called ${name}`);
    return candidate;
  }

  private kernelOptions() {
    const { signal, progress } = this.context;
    return { signal, onProgress: (done: number) => progress({ done, total: 0, unit: 'parts' }) };
  }
}

/** Refuses an export that does not predict what the model predicts: GR-3003. */
export function demandParity({ max, row }: { max: number; row: number }): void {
  if (max > PARITY_TOLERANCE)
    throw new GeorefreshError('GR-3003', `row ${row + 1} differs by ${max} deviations, ${PARITY_TOLERANCE} allowed`);
}

/** A table of keys and one number each, in order of the keys. */
export async function putPredictions(
  { lake }: Deps,
  { header }: StepInput,
  key: string,
  name: string,
  keys: string[],
  prediction: Float64Array,
  signal: AbortSignal,
): Promise<TableRef> {
  const columns: Columns = {
    rows: keys.length,
    columns: {
      [key]: { type: 'text', codes: Int32Array.from(keys, (_, row) => row), dictionary: keys },
      [name]: { type: 'double', values: prediction },
    },
  };
  return putColumns(lake, columns, { prefix: prefixOf(header.pipeline, 'predictions'), orderBy: [key], signal });
}
