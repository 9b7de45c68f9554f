import { GeorefreshError } from '../../config/errors.js';
import type { Feature, FeatureMatrix, TrainingData } from './learner.js';

const refuse = (detail: string): never => {
  throw new GeorefreshError('GR-3002', detail);
};

/** Where a column first holds something that `bad` names, and how many such rows there are. */
const faults = (values: ArrayLike<number>, bad: (value: number) => boolean) => {
  let first = -1;
  let count = 0;
  for (let row = 0; row < values.length; row++) {
    if (bad(values[row] as number)) {
      if (first < 0) first = row;
      count++;
    }
  }
  return { first, count };
};

const isInfinite = (value: number) => value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;
const notFinite = (value: number) => !Number.isFinite(value);
const notWeight = (value: number) => !(value >= 0 && value < Number.POSITIVE_INFINITY);

const rowsText = (count: number, first: number) => `in ${count} row${count === 1 ? '' : 's'}, first in row ${first}`;

/** Gains and variances multiply up to three sums of weights with squares of targets or features, which float32 bounds. */
const MOST_WEIGHT = 1e60;

/**
 * Checks what every learner asks of its data, once, before any arithmetic: rows, features with distinct names, equal
 * lengths, a finite target, weights finite, ≥ 0, not all 0 and not huge, no infinite feature value (float32 overflow counts).
 * Trees, which only ask for an order, let infinities pass. Throws GR-3002 naming the column and the first row (counted from 0).
 */
export function checkTrainingData(data: TrainingData, { infinities = false } = {}): void {
  const { rows, features, target, weights } = data;
  if (!(rows > 0)) refuse('there are no rows');
  if (features.length === 0) refuse('there are no features');
  const names = new Set<string>();
  for (const { name, values } of features) {
    if (names.has(name)) refuse(`two features are called ${name}`);
    names.add(name);
    if (values.length !== rows) refuse(`feature ${name} has ${values.length} values for ${rows} rows`);
    if (infinities) continue;
    const infinite = faults(values, isInfinite);
    if (infinite.count > 0) {
      refuse(`feature ${name} is infinite, or beyond float32, ${rowsText(infinite.count, infinite.first)}`);
    }
  }
  if (target.length !== rows) refuse(`the target has ${target.length} values for ${rows} rows`);
  const unknown = faults(target, notFinite);
  if (unknown.count > 0) refuse(`the target is missing or infinite ${rowsText(unknown.count, unknown.first)}`);
  if (weights === undefined) return;
  if (weights.length !== rows) refuse(`there are ${weights.length} weights for ${rows} rows`);
  const wrong = faults(weights, notWeight);
  if (wrong.count > 0) refuse(`the weight is missing, infinite or negative ${rowsText(wrong.count, wrong.first)}`);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) refuse('all weights are 0');
  if (total >= MOST_WEIGHT) {
    refuse(
      `the weights add up to ${total}, and products of their sums overflow from ${MOST_WEIGHT} on: scale them down`,
    );
  }
}

/** Refuses native categories, for learners that only read numbers. */
export function checkNumeric(learner: string, features: readonly Feature[]): void {
  const category = features.find((feature) => feature.categorical === true);
  if (category !== undefined) refuse(`${learner} reads numbers only, and feature ${category.name} is categorical`);
}

/**
 * The columns that a model reads, in its order. Further columns are passed over.
 * Throws GR-3008 naming every missing one, or one whose length is not the number of rows.
 */
export function columnsOf(names: readonly string[], { rows, features }: FeatureMatrix): Float32Array[] {
  const byName = new Map(features.map((feature) => [feature.name, feature.values]));
  const absent = names.filter((name) => !byName.has(name));
  if (absent.length > 0) throw new GeorefreshError('GR-3008', `the features lack ${absent.join(', ')}`);
  return names.map((name) => {
    const values = byName.get(name) as Float32Array;
    if (values.length !== rows) {
      throw new GeorefreshError('GR-3008', `feature ${name} has ${values.length} values for ${rows} rows`);
    }
    return values;
  });
}
