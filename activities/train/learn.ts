import { Worker } from 'node:worker_threads';
import { ERRORS, GeorefreshError } from '../../config/errors.js';
import { builtFile } from '../../config/root.js';
import type { FitAnswer } from './fit-thread.js';
import type { Feature, FeatureMatrix, LearnHooks, Model, OnnxMetadata, TrainingData } from './learner.js';
import { type FitInput, fitModel, learnerOf, parseParams } from './learners.js';
import type { LogisticParams } from './logistic.js';
import type { RidgeParams } from './ridge.js';
import type { BoostingParams, ForestParams, TreeParams } from './trees/options.js';
import { MOST_THREADS } from './trees/threads.js';

/** One column; float64 values are rounded to float32, in which models read them. */
export interface LearnFeature {
  name: string;
  /** One value a row, NaN where missing. */
  values: Float32Array | Float64Array;
  /** Values are levels without order: at most 255 of them, for the learners of trees. */
  categorical?: boolean;
}

export interface LearnData {
  features: readonly LearnFeature[];
  /** One finite number a row. */
  target: Float64Array;
  /** One finite number ≥ 0 a row. */
  weights?: Float64Array;
}

/** A learner with its parameters, which its own schema describes and checks. */
export type LearnerOptions =
  | PlainOptions
  | {
      learner: 'hurdle';
      /** Predicts whether the target is above 0: `logistic`, or one whose objective is `binary`. */
      occurrence: PlainOptions;
      /** Predicts how much it is, on the rows where it is above 0. */
      amount: PlainOptions;
    };

type PlainOptions =
  | ({ learner: 'gbdt' } & Partial<BoostingParams>)
  | ({ learner: 'forest' } & Partial<ForestParams>)
  | ({ learner: 'tree' } & Partial<TreeParams>)
  | ({ learner: 'ridge' } & Partial<RidgeParams>)
  | { learner: 'linear' }
  | ({ learner: 'logistic' } & Partial<LogisticParams>);

export type FitOptions = LearnerOptions & {
  /** Threads of a fit of trees; the model does not depend on it. Default 1. */
  numThreads?: number;
  /** Ends the fit with GR-3006, wherever it is. */
  signal?: AbortSignal;
  /** Work done and all of it, in units of the learner's own. What it throws ends the fit. */
  onProgress?(done: number, total: number): void;
};

export interface FittedModel {
  /** The model as plain data. */
  readonly data: Model;
  /** One prediction a row; features are found by name, further ones passed over. GR-3008 where one is missing. */
  predict(features: readonly LearnFeature[]): Float64Array;
  /** How much each feature is used, in the order of the fit: total gain of its splits, its standardised slope, or shares of both. */
  importance(): { name: string; importance: number }[];
}

/**
 * Fits a learner: `await fit({ features, target }, { learner: 'gbdt', numIterations: 200 })`. The calling thread stays free.
 * Throws GR-1003 for options that the learner does not have, GR-3002 for rows that it cannot learn from, GR-3006 when cancelled.
 */
export async function fit(data: LearnData, options: FitOptions): Promise<FittedModel> {
  const { learner, numThreads = 1, signal, onProgress, ...params } = options;
  if (!Number.isInteger(numThreads) || numThreads < 1 || numThreads > MOST_THREADS) {
    throw new GeorefreshError('GR-1003', `numThreads is ${numThreads}, not a whole number from 1 to ${MOST_THREADS}`);
  }
  if (signal?.aborted) throw cancelled();
  parseParams(learner, params);
  const { features, target, weights } = data;
  const training: TrainingData = { ...matrixOf(features, target.length), target, ...(weights && { weights }) };
  const run = (hooks: LearnHooks): Promise<Model> => {
    const input = { learner, params, data: training };
    return learnerOf(learner).ownThreads === true ? fitModel(input, hooks) : fitApart(input, hooks);
  };
  const hooks: LearnHooks = { threads: numThreads, ...(signal && { signal }) };
  return fitted(await (onProgress === undefined ? run(hooks) : toldTo(onProgress, hooks, run)));
}

/** Runs with a hook of the caller's. It is called from timers and messages, so what it throws ends the run here, not the process. */
async function toldTo(
  onProgress: NonNullable<FitOptions['onProgress']>,
  hooks: LearnHooks,
  run: (hooks: LearnHooks) => Promise<Model>,
): Promise<Model> {
  const failed = new AbortController();
  const signal = hooks.signal === undefined ? failed.signal : AbortSignal.any([hooks.signal, failed.signal]);
  const guarded = (done: number, total: number): void => {
    if (failed.signal.aborted) return;
    try {
      onProgress(done, total);
    } catch (error) {
      failed.abort(error);
    }
  };
  try {
    return await run({ ...hooks, signal, onProgress: guarded });
  } finally {
    failed.signal.throwIfAborted();
  }
}

/** The model as ONNX: one graph from raw features to the prediction. Equal models and metadata give equal bytes. */
export function toOnnx(model: FittedModel, metadata: Partial<OnnxMetadata> = {}): Uint8Array {
  const { data } = model;
  return learnerOf(data.learner).toOnnx(data, {
    name: data.learner,
    producerVersion: '',
    domain: 'org.georefresh',
    modelVersion: 1,
    description: '',
    target: 'target',
    trainingTableSha256: '',
    ...metadata,
  });
}

/** A fitted model around its data, also when that was kept and read again. */
export function fitted(data: Model): FittedModel {
  const learner = learnerOf(data.learner);
  return {
    data,
    predict: (features) => {
      const first = features.find(({ name }) => name === data.features[0]);
      return learner.predict(data, matrixOf(features, first?.values.length ?? 0));
    },
    importance: () => {
      const importance = learner.importance(data);
      return data.features.map((name, f) => ({ name, importance: importance[f] as number }));
    },
  };
}

const matrixOf = (features: readonly LearnFeature[], rows: number): FeatureMatrix => ({
  rows,
  features: features.map(
    (feature): Feature => ({
      ...feature,
      values: feature.values instanceof Float32Array ? feature.values : Float32Array.from(feature.values),
    }),
  ),
});

const cancelled = (): GeorefreshError => new GeorefreshError('GR-3006', 'while a model was fitted');

/** Fits in a thread of its own, which a cancellation ends. */
function fitApart(workerData: FitInput, { signal, onProgress }: LearnHooks): Promise<Model> {
  const worker = new Worker(builtFile(new URL('./fit-thread.js', import.meta.url)), { workerData });
  return new Promise<Model>((resolve, reject) => {
    signal?.addEventListener('abort', () => reject(cancelled()), { once: true });
    worker.once('error', (cause) => reject(new GeorefreshError('GR-3004', 'fitting a model', { cause })));
    worker.on('message', (answer: FitAnswer) => {
      if ('progress' in answer) onProgress?.(...answer.progress);
      else if ('model' in answer) resolve(answer.model);
      else reject(revived(answer.error));
    });
  }).finally(() => worker.terminate());
}

/** Errors lose their class on the way between threads. */
function revived({ code, message }: Extract<FitAnswer, { error: unknown }>['error']): GeorefreshError {
  const prefix = `${ERRORS[code].title}: `;
  return new GeorefreshError(code, message.startsWith(prefix) ? message.slice(prefix.length) : message);
}
