import { GeorefreshError } from '../../config/errors.js';
import type { LearnHooks } from './learner.js';
import { type FitInput, fitModel, learnerOf } from './learners.js';
import { takeRows, takeTraining } from './take.js';

/** Row numbers inside and outside a fold, ascending; forward, those outside are of earlier folds alone. */
export function splitFold(
  folds: ArrayLike<number>,
  fold: number,
  forward = false,
): { inside: Int32Array; outside: Int32Array } {
  const inside: number[] = [];
  const outside: number[] = [];
  for (let row = 0; row < folds.length; row++) {
    const own = folds[row] as number;
    if (own === fold) inside.push(row);
    else if (!forward || own < fold) outside.push(row);
  }
  return { inside: Int32Array.from(inside), outside: Int32Array.from(outside) };
}

export interface FoldInput extends FitInput {
  /** The fold of each row. */
  folds: ArrayLike<number>;
  /** The fold that is left out of the fit and predicted. */
  fold: number;
  /** Folds are numbered in order of time, and later ones are left out of the fit too. */
  forward?: boolean;
}

export interface FoldPrediction {
  /** Rows of the fold, ascending. */
  rows: Int32Array;
  prediction: Float64Array;
}

/** Fits on the rows outside a fold and predicts those inside. A fold without rows gives none, without a fit. */
export async function predictFold(input: FoldInput, hooks?: LearnHooks): Promise<FoldPrediction> {
  const { data, folds, fold, forward, learner } = input;
  const { inside, outside } = splitFold(folds, fold, forward);
  if (inside.length === 0) return { rows: inside, prediction: new Float64Array(0) };
  const model = await fitModel({ ...input, data: takeTraining(data, outside) }, hooks);
  return { rows: inside, prediction: learnerOf(learner).predict(model, takeRows(data, inside)) };
}

/**
 * Puts the predictions of all folds together. Throws GR-3002 unless every row was predicted exactly once, which fails where
 * a row's fold is missing or not among those counted.
 */
export function poolFolds(rows: number, parts: readonly FoldPrediction[]): Float64Array {
  const pooled = new Float64Array(rows);
  const seen = new Uint8Array(rows);
  for (const part of parts) {
    for (let i = 0; i < part.rows.length; i++) {
      const row = part.rows[i] as number;
      if (seen[row] === 1) throw new GeorefreshError('GR-3002', `row ${row} lies in two folds`);
      seen[row] = 1;
      pooled[row] = part.prediction[i] as number;
    }
  }
  const missed = seen.indexOf(0);
  if (missed >= 0) throw new GeorefreshError('GR-3002', `row ${missed} lies in none of the folds`);
  return pooled;
}
