import type { Metric } from '../../config/definition/model.js';
import { type Evaluation, evaluate } from './evaluate.js';
import { type FoldInput, type FoldPrediction, predictFold } from './folds.js';
import type { FeatureMatrix, LearnHooks, Model, OnnxMetadata, Scale } from './learner.js';
import { type FitInput, fitModel, learnerOf } from './learners.js';
import { lexicographicScore, tieOrder } from './ranking.js';

export interface FitPredictInput extends FitInput {
  /** Rows of another table to predict. */
  matrix: FeatureMatrix;
}

/** Fits on all rows of one table and predicts those of another. */
export async function fitPredict(input: FitPredictInput, hooks?: LearnHooks): Promise<Float64Array> {
  const model = await fitModel(input, hooks);
  return learnerOf(input.learner).predict(model, input.matrix);
}

/** Fits on the rows outside a fold and predicts those inside. */
export const fitFold = (input: FoldInput, hooks?: LearnHooks): Promise<FoldPrediction> => predictFold(input, hooks);

export interface ExportInput {
  model: Model;
  metadata: OnnxMetadata;
  matrix: FeatureMatrix;
}

/** The model as ONNX, and its own predictions to hold the export against. */
export function exportModel({ model, metadata, matrix }: ExportInput): {
  onnx: Uint8Array;
  native: Float64Array;
  importance: Float64Array;
} {
  const learner = learnerOf(model.learner);
  return {
    onnx: learner.toOnnx(model, metadata),
    native: learner.predict(model, matrix),
    importance: learner.importance(model),
  };
}

/** Predictions of a model for a table, natively. */
export const predictModel = ({ model, matrix }: Omit<ExportInput, 'metadata'>): Float64Array =>
  learnerOf(model.learner).predict(model, matrix);

export interface JudgeInput {
  /** Keys of the rows, whose digests order ties. */
  keys: string[];
  target: Float64Array;
  models: Record<string, { prediction: Float64Array; scale: Scale }>;
  /** Columns of each baseline: a ranking, the later breaking ties of the earlier, or one that is a prediction. */
  baselines: Record<string, { ranking: Float64Array[] } | { prediction: Float64Array }>;
  metrics: Record<string, Metric>;
  /** Columns of the rows that metrics read. */
  columns?: Record<string, Float64Array>;
  judge: { metric: string; better: 'higher' | 'lower' };
}

/** Metrics of models and baselines on the same rows. */
export function judgeModels({ keys, baselines, ...input }: JudgeInput): Evaluation {
  return evaluate({
    ...input,
    ties: tieOrder(keys),
    baselines: Object.fromEntries(
      Object.entries(baselines).map(([name, baseline]) => [
        name,
        'ranking' in baseline
          ? { prediction: lexicographicScore(baseline.ranking), scale: 'rank' as const }
          : { prediction: baseline.prediction, scale: 'count' as const },
      ]),
    ),
  });
}
