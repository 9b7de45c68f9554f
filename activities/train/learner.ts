import type { z } from 'zod';
import type { OnnxGraph } from './onnx.js';

/** One column of a feature matrix. Being float32, a value at `fit`, at `predict` and inside ONNX is the same number. */
export interface Feature {
  name: string;
  /** One value a row, NaN where missing. */
  values: Float32Array;
  /** Values are whole numbers that name levels, without order or distance. */
  categorical?: boolean;
}

/** Features column by column. Arrays may lie over SharedArrayBuffer. */
export interface FeatureMatrix {
  rows: number;
  features: Feature[];
}

export interface TrainingData extends FeatureMatrix {
  /** One finite number a row. */
  target: Float64Array;
  /** One finite number ≥ 0 a row; a row of weight k counts as k copies of it. */
  weights?: Float64Array;
}

/**
 * What a prediction is. `count`: an amount in the unit of the target, so that sums of predictions mean something;
 * `probability`: between 0 and 1; `rank`: only the order means something.
 */
export const SCALES = ['count', 'probability', 'rank'] as const;
export type Scale = (typeof SCALES)[number];

/** A fitted model is plain data: it is cloned between threads and kept in the store. */
export interface Model {
  /** The learner that reads it. */
  learner: string;
  /** Names of the features, in the order in which the model reads them. */
  features: string[];
}

export interface LearnHooks {
  /** Work done so far, in units of the learner's own (blocks of rows, trees). */
  onProgress?(done: number, total: number): void;
  /** Threads that the fit may use; the model does not depend on it. By default the calling one. */
  threads?: number;
  /** Ends the fit with GR-3006 wherever it is. Inside a kernel thread, ending the thread does. */
  signal?: AbortSignal;
}

/** What an exported model says of itself. No run id and no time: equal inputs give equal bytes. */
export interface OnnxMetadata {
  /** Name of the graph. */
  name: string;
  /** Version of georefresh. */
  producerVersion: string;
  /** Reverse DNS. */
  domain: string;
  modelVersion: number;
  description: string;
  target: string;
  /** Digest of the table that the model was fitted on. */
  trainingTableSha256: string;
  /** Further entries of `metadata_props`; each key gets the prefix `georefresh.`. */
  properties?: Record<string, string>;
}

/**
 * A way to learn a number from features. Everything a pipeline does with a model goes through this interface, so a new
 * learner is a module that implements it and a line in `learners.ts`.
 */
export interface Learner<P, M extends Model> {
  readonly name: string;
  /** Its fits run in threads of their own, and hear `signal`. */
  readonly ownThreads?: boolean;
  /** Its parameters with their defaults, named as scikit-learn and LightGBM name them. */
  readonly schema: z.ZodType<P>;
  /** What predictions are under these parameters (an objective may decide). */
  scaleOf(params: P): Scale;
  /** Fits on all rows. Equal data and parameters give an equal model, whatever the number of threads. Rejects rows with GR-3002. */
  fit(data: TrainingData, params: P, hooks?: LearnHooks): M | Promise<M>;
  /** One prediction a row. Features are found by name; a missing one is GR-3008. */
  predict(model: M, matrix: FeatureMatrix): Float64Array;
  /** One graph from raw features (`features`, float32 [N, F], NaN where missing) to `prediction` ([N]). */
  toOnnx(model: M, metadata: OnnxMetadata): Uint8Array;
  /** That graph alone, for models that hold others. */
  toGraph(model: M): OnnxGraph;
  /** One number ≥ 0 per feature, in the model's order: how much the prediction leans on it, in the learner's own unit. */
  importance(model: M): Float64Array;
}
