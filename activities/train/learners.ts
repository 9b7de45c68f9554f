import { z } from 'zod';
import { GeorefreshError } from '../../config/errors.js';
import { hurdleOf } from './hurdle.js';
import type { FeatureMatrix, Learner, LearnHooks, Model, TrainingData } from './learner.js';
import { logistic } from './logistic.js';
import { linear, ridge } from './ridge.js';
import { gbdt } from './trees/boosting.js';
import { forest, tree } from './trees/forest.js';

/** A learner whose parameters and model only it understands. */
export type AnyLearner = Learner<unknown, Model>;

const PLAIN: Readonly<Record<string, AnyLearner>> = { ridge, linear, logistic, gbdt, forest, tree };

/** Every learner that a pipeline may name. */
export const LEARNERS: Readonly<Record<string, AnyLearner>> = { ...PLAIN, hurdle: hurdleOf(PLAIN) };

/** The learner of a name; GR-1003 where there is none. */
export function learnerOf(name: string): AnyLearner {
  const learner = Object.hasOwn(LEARNERS, name) ? LEARNERS[name] : undefined;
  if (learner !== undefined) return learner;
  throw new GeorefreshError('GR-1003', `no learner is called ${name}; there are ${Object.keys(LEARNERS).join(', ')}`);
}

/** Checks parameters as written in a pipeline and fills in the defaults; GR-1003 with every fault. */
export function parseParams(name: string, raw: unknown): unknown {
  const parsed = learnerOf(name).schema.safeParse(raw ?? {});
  if (parsed.success) return parsed.data;
  throw new GeorefreshError('GR-1003', `parameters of ${name}: ${z.prettifyError(parsed.error)}`);
}

export interface FitInput {
  learner: string;
  /** As written in the pipeline; defaults are filled in. */
  params?: unknown;
  data: TrainingData;
}

/** Fits the learner of that name. */
export async function fitModel({ learner, params, data }: FitInput, hooks: LearnHooks = {}): Promise<Model> {
  return learnerOf(learner).fit(data, parseParams(learner, params), hooks);
}

/** Predicts with a fitted model, by the learner that made it. */
export const predictModel = ({ model, matrix }: { model: Model; matrix: FeatureMatrix }): Float64Array =>
  learnerOf(model.learner).predict(model, matrix);
