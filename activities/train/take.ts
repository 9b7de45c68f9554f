import type { FeatureMatrix, TrainingData } from './learner.js';

/** Copies the given rows of a matrix, in the given order. */
export function takeRows({ features }: FeatureMatrix, rows: Int32Array): FeatureMatrix {
  const taken = features.map((feature) => {
    const values = new Float32Array(rows.length);
    for (let i = 0; i < rows.length; i++) values[i] = feature.values[rows[i] as number] as number;
    return { ...feature, values };
  });
  return { rows: rows.length, features: taken };
}

/** Copies the given rows of training data, in the given order. */
export function takeTraining(data: TrainingData, rows: Int32Array): TrainingData {
  const pick = (values: Float64Array) => Float64Array.from(rows, (row) => values[row] as number);
  const { target, weights } = data;
  return {
    ...takeRows(data, rows),
    target: pick(target),
    ...(weights === undefined ? {} : { weights: pick(weights) }),
  };
}
