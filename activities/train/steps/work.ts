import type { Evaluation as EvaluationDefinition, Train } from '../../../config/definition/model.js';
import { GeorefreshError } from '../../../config/errors.js';
import { putArtifact } from '../../../lake/artifacts.js';
import { jsonBytes } from '../../../lake/manifest.js';
import { quoteIdent } from '../../../lake/sql.js';
import { putColumns, readTable, sessionWith } from '../../../lake/tables.js';
import type { Artifact, Columns, TableRef } from '../../../lake/types.js';
import { type Deps, prefixOf, tableOf } from '../../deps.js';
import type { StepContext } from '../../durable.js';
import { columnOf, valuesOf } from '../../features/builders/columns.js';
import { numbers } from '../../features/builders/context.js';
import type { RunKernelOptions } from '../../pool/index.js';
import type { FitTask } from '../../resolve/plan.js';
import type { StepInput } from '../../types.js';
import { toFeatures } from '../features.js';
import type { TrainingData } from '../learner.js';

/** What the steps of the train stage have in common: their definition, and how they read and keep. */
export class TrainingWork {
  constructor(
    readonly deps: Deps,
    readonly pipeline: string,
    readonly definition: Train,
    readonly input: StepInput,
    readonly context: StepContext,
  ) {}

  /**
   * Predictions of all parts beside the key and columns of the table that they are for. Every row once, or with `partly`
   * at most once, or GR-3002.
   */
  async pooled(
    tasks: FitTask[],
    table: string,
    { columns = [], partly = false }: { columns?: string[]; partly?: boolean } = {},
  ): Promise<Columns> {
    const { lake } = this.deps;
    const key = quoteIdent(this.definition.key);
    const parts = tasks.map(({ id }) => tableOf(this.input, id));
    const scored = tableOf(this.input, table);
    const { signal } = this.context;
    const pooled = await sessionWith(
      lake,
      { parts, scored },
      (session) =>
        session.readColumns(
          `select s.${key}, ${columns.map((name) => `s.${quoteIdent(name)}, `).join('')} p.prediction
             from scored s join parts p on p.${key} = s.${key} order by s.${key}`,
        ),
      { signal, step: this.input.step.id },
    );
    const predicted = parts.reduce((sum, part) => sum + part.rows, 0);
    const expected = partly ? Math.max(1, Math.min(predicted, scored.rows)) : scored.rows;
    if (pooled.rows !== expected || predicted !== expected)
      throw new GeorefreshError(
        'GR-3002',
        `${predicted} predictions for ${scored.rows} rows of ${table}: each row must lie in one fold`,
      );
    return pooled;
  }

  /** The table whose rows an evaluation predicts. */
  scoredTable(evaluation: EvaluationDefinition | undefined): string {
    if (evaluation === undefined) throw new GeorefreshError('GR-3009', 'the judging evaluation is not defined');
    return 'fit' in evaluation ? evaluation.score : evaluation.on;
  }

  /** A table's features and target, and further columns of it. */
  async training(name: string, extra: string[] = []): Promise<{ table: Columns; data: TrainingData }> {
    const { key, target, features } = this.definition;
    const columns = [...new Set([key, target, ...features, ...extra])];
    const table = await readTable(this.deps.lake, tableOf(this.input, name), columns, { signal: this.context.signal });
    return { table, data: { ...toFeatures(table, features), target: numbers(table.columns[target], target, name) } };
  }

  keys(table: Columns): string[] {
    return Array.from(valuesOf(columnOf(table, this.definition.key)), String);
  }

  /** Keeps predictions as a table of key and number. */
  putPredictions(keys: string[], prediction: Float64Array): Promise<TableRef> {
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

  /** Keeps a value as JSON among the pipeline's models. */
  putJson(value: unknown): Promise<Artifact> {
    return putArtifact(this.deps.lake.store, prefixOf(this.pipeline, 'models'), jsonBytes(value), 'json', {
      signal: this.context.signal,
    });
  }

  evaluation(name: string): EvaluationDefinition {
    const evaluation = this.definition.evaluations[name];
    if (evaluation === undefined) throw new GeorefreshError('GR-3009', `no evaluation is called ${name}`);
    return evaluation;
  }

  candidate(name: string): Train['candidates'][string] {
    const candidate = this.definition.candidates[name];
    if (candidate === undefined) throw new GeorefreshError('GR-3009', `no candidate is called ${name}`);
    return candidate;
  }

  /** How kernels of this step are cancelled and watched. */
  kernelOptions(): RunKernelOptions {
    const { signal, progress } = this.context;
    return { signal, onProgress: (done: number) => progress({ done, total: 0, unit: 'parts' }) };
  }
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
