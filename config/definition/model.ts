import { z } from 'zod';
import { identifier, tableName } from './common.js';

/** A learner and its parameters; which parameters there are is the learner's own schema, checked when the run is resolved. */
export const candidate = z.looseObject({ learner: z.string().min(1) });
export type Candidate = z.infer<typeof candidate>;

/** Out-of-fold predictions pooled over the values 0 … count-1 of a column, or one fit on an earlier cut-off. */
export const evaluation = z.union([
  z.strictObject({
    title: z.string().optional(),
    on: tableName,
    folds: identifier.describe('integer column with the fold of each row'),
    count: z.int().min(2).max(50),
  }),
  z.strictObject({ title: z.string().optional(), fit: tableName, score: tableName }),
]);
export type Evaluation = z.infer<typeof evaluation>;

export const metric = z.union([
  z.strictObject({ capture: z.strictObject({ share: z.number().gt(0).lte(1) }) }),
  z.strictObject({ ndcg: z.strictObject({ k: z.int().min(1) }) }),
  z.strictObject({ auc: z.strictObject({ above: z.number().default(0) }) }),
  z.strictObject({ spearman: z.strictObject({}) }),
  z.strictObject({ mae: z.strictObject({}) }),
  z.strictObject({ rmse: z.strictObject({}) }),
  z.strictObject({ r2: z.strictObject({}) }),
]);
export type Metric = z.infer<typeof metric>;

export const train = z.strictObject({
  table: tableName.describe('the model that is published is fitted on all rows of this table'),
  key: identifier,
  target: identifier,
  features: z.array(identifier).min(1),
  candidates: z.record(identifier, candidate),
  evaluations: z.record(identifier, evaluation),
  metrics: z.record(identifier, metric),
  baselines: z.record(identifier, z.array(identifier).min(1)).default({}).describe('ranking by columns, the later break ties of the earlier'),
  judge: z.strictObject({ evaluation: identifier, metric: identifier, better: z.enum(['higher', 'lower']).default('higher') }),
  card: z
    .strictObject({ intendedUse: z.string(), limits: z.array(z.string()).default([]) })
    .describe('what the model card says in words'),
});
export type Train = z.infer<typeof train>;
