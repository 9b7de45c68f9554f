import { z } from 'zod';
import { GeorefreshError } from '../errors.js';
import { identifier, tableName } from './common.js';

/** A learner and its parameters; which parameters there are is the learner's own schema, checked when the run is resolved. */
export const candidate = z.looseObject({
  learner: z.string().min(1).describe('its other parameters stand beside it'),
  grid: z
    .record(z.string(), z.array(z.union([z.number(), z.string(), z.boolean()])).min(1))
    .optional()
    .describe('values of parameters: every combination competes as a candidate of its own'),
});
export type Candidate = z.infer<typeof candidate>;

/** Combinations of one grid at most: each is fitted in every fold. */
const MOST_COMBINATIONS = 256;

/**
 * Candidates with their grids spread out, each combination under the candidate's name and its number from 1. Throws GR-1003
 * where a grid has more than MOST_COMBINATIONS.
 */
export function spreadGrids(candidates: Record<string, Candidate>): Record<string, Candidate> {
  return Object.fromEntries(
    Object.entries(candidates).flatMap(([name, { grid, ...fixed }]): [string, Candidate][] => {
      if (grid === undefined) return [[name, fixed]];
      const combinations = Object.values(grid).reduce((product, values) => product * values.length, 1);
      if (combinations > MOST_COMBINATIONS) {
        throw new GeorefreshError(
          'GR-1003',
          `the grid of ${name} has ${combinations} combinations, at most ${MOST_COMBINATIONS} compete`,
        );
      }
      let all: Candidate[] = [fixed];
      for (const [key, values] of Object.entries(grid)) {
        all = all.flatMap((one) => values.map((value) => ({ ...one, [key]: value })));
      }
      return all.map((one, i) => [`${name}_${i + 1}`, one]);
    }),
  );
}

/** Out-of-fold predictions pooled over the values of a column (0 … count-1, or forward 1 … count), or one fit on other rows. */
export const evaluation = z.union([
  z
    .strictObject({
      title: z.string().optional().describe('name for people'),
      on: tableName.describe('the table that is split into folds'),
      folds: identifier.describe('integer column with the fold of each row'),
      count: z.int().min(1).max(50).describe('number of folds'),
      forward: z
        .boolean()
        .default(false)
        .describe(
          'folds are stretches of time: each of 1 … count is predicted by what was learned from those before it, and 0 is never predicted',
        ),
    })
    .refine(({ count, forward }) => forward || count > 1, { path: ['count'], message: 'expected at least 2 folds' }),
  z.strictObject({
    title: z.string().optional().describe('name for people'),
    fit: tableName.describe('the table that models are fitted on'),
    score: tableName.describe('the table that they are judged on'),
  }),
]);
export type Evaluation = z.infer<typeof evaluation>;

const classes = z.strictObject({
  above: z.number().default(0).describe('a greater target counts as positive'),
  threshold: z.number().default(0.5).describe('a prediction from here on counts as positive'),
});

export const metric = z.union([
  z.strictObject({
    capture: z
      .strictObject({ share: z.number().gt(0).lte(1).describe('of the rows, best first, rounded up') })
      .describe('share of the target in the best share of rows'),
  }),
  z.strictObject({
    ndcg: z
      .strictObject({ k: z.int().min(1).describe('how many rows, best first') })
      .describe('normalised discounted cumulative gain of the first k'),
  }),
  z.strictObject({
    auc: z
      .strictObject({ above: z.number().default(0).describe('a greater target counts as positive') })
      .describe('area under the ROC curve of a target above a bound'),
  }),
  z.strictObject({ spearman: z.strictObject({}).describe('rank correlation') }),
  z.strictObject({ mae: z.strictObject({}).describe('mean absolute error') }),
  z.strictObject({ rmse: z.strictObject({}).describe('root of the mean squared error') }),
  z.strictObject({ r2: z.strictObject({}).describe('coefficient of determination') }),
  z.strictObject({
    series_mase: z
      .strictObject({
        by: identifier.describe('column that names the series of a row'),
        scale: identifier.describe(
          'column with the mean absolute error of the naive forecast in training, one value a series',
        ),
        take: z.enum(['mean', 'median', 'count']).default('mean').describe('over the series; count: how many have one'),
      })
      .describe('mean absolute error over that of a naive forecast, by series; where that is 0 there is none'),
  }),
  z.strictObject({
    series_beating: z
      .strictObject({
        by: identifier.describe('column that names the series of a row'),
        naive: identifier.describe('column that is a prediction'),
      })
      .describe('how many series have a lower mean absolute error than that of a column'),
  }),
  z.strictObject({ accuracy: classes.describe('share of rows in the class that they are predicted in') }),
  z.strictObject({ f1: classes.describe('harmonic mean of precision and recall') }),
  z.strictObject({ log_loss: z.strictObject({}).describe('mean negative log-likelihood of classes 0 and 1') }),
  z.strictObject({ brier: z.strictObject({}).describe('mean squared error of probabilities of classes 0 and 1') }),
  z.strictObject({
    pinball: z
      .strictObject({ alpha: z.number().gt(0).lt(1).describe('the quantile that is predicted') })
      .describe('mean pinball loss'),
  }),
  z.strictObject({
    mase: z
      .strictObject({ scale: z.number().gt(0).describe('mean absolute error of the naive forecast in training') })
      .describe('mean absolute error over that of a naive forecast'),
  }),
]);
export type Metric = z.infer<typeof metric>;

/** Columns of the judged rows that a metric reads beside target and prediction. */
export const columnsOfMetric = (metric: Metric): string[] => {
  if ('series_mase' in metric) return [metric.series_mase.by, metric.series_mase.scale];
  if ('series_beating' in metric) return [metric.series_beating.by, metric.series_beating.naive];
  return [];
};

export const train = z.strictObject({
  table: tableName.describe('the model that is published is fitted on all rows of this table'),
  key: identifier.describe('column that names a row'),
  target: identifier.describe('column that is learned'),
  features: z.array(identifier).min(1).describe('columns that it is learned from, in this order'),
  candidates: z.record(identifier, candidate).describe('learners that compete, by name'),
  evaluations: z.record(identifier, evaluation).describe('how they are judged, by name'),
  metrics: z.record(identifier, metric).describe('figures of each evaluation, by name'),
  baselines: z
    .record(
      identifier,
      z.union([
        z.array(identifier).min(1),
        z.strictObject({ column: identifier.describe('a column that foretells the target as it stands') }),
      ]),
    )
    .default({})
    .describe(
      'what needs no learning: a ranking by columns, the later break ties of the earlier, or a column that is a prediction',
    ),
  judge: z
    .strictObject({
      evaluation: identifier.describe('one with folds'),
      metric: identifier.describe('one of the metrics'),
      better: z.enum(['higher', 'lower']).default('higher').describe('which way is better'),
      beat: z
        .boolean()
        .default(false)
        .describe(
          'a champion that a baseline beats is not promoted: that baseline is asked in its place, so it must be a column',
        ),
    })
    .describe('the figure that makes a candidate the champion'),
  labels: z
    .strictObject({
      rows: z.string().default('rows').describe('what a row is, in the plural'),
      gain: z.string().optional().describe('what the target counts; default: its column'),
    })
    .prefault({})
    .describe('words of the report: what the rows are, and what is to be found among them'),
  card: z
    .strictObject({
      intendedUse: z.string().describe('what the model is for'),
      limits: z.array(z.string()).default([]).describe('what it is not for, and what it does not know'),
    })
    .describe('what the model card says in words'),
});
export type Train = z.infer<typeof train>;
