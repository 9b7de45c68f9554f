import type { Evaluation as EvaluationDefinition } from '../../../config/definition/model.js';
import { GeorefreshError } from '../../../config/errors.js';
import type { Columns } from '../../../lake/types.js';
import type { Made } from '../../durable.js';
import { numbers } from '../../features/builders/context.js';
import { type FitTask, OOF_PREDICTIONS } from '../../resolve/plan.js';
import { type Evaluation, withEvaluation } from '../evaluate.js';
import { learnerOf, parseParams } from '../learners.js';
import type { Contender } from '../measure.js';
import { JUDGEMENT, METRICS } from '../names.js';
import type { TrainingWork } from './work.js';

/** What `train/evaluate` found, kept for the report and the model card. */
export interface Judgement {
  table: Evaluation['table'];
  verdict: string;
  beaten: boolean;
  losses: Evaluation['losses'];
  lift: Evaluation['lift'];
}

/** Metrics of every candidate and baseline, the champion, and its out-of-fold predictions. */
export async function judgeCandidates(work: TrainingWork, tasks: FitTask[]): Promise<Made> {
  const { judge, evaluations } = work.definition;
  const judged = new Map<string, Evaluation>();
  let rows = 0;
  for (const [name, evaluation] of Object.entries(evaluations)) {
    const own = tasks.filter((task) => task.evaluation === name);
    const result = await judgeEvaluation(work, name, evaluation, own);
    judged.set(name, result.evaluation);
    rows = Math.max(rows, result.rows);
  }
  const first = judged.get(judge.evaluation);
  if (first === undefined) throw new GeorefreshError('GR-3009', `no evaluation is called ${judge.evaluation}`);
  let { table } = first;
  for (const [name, { table: other }] of judged)
    if (name !== judge.evaluation) table = withEvaluation(table, name, { models: other.models });

  const { verdict, beaten, losses, lift } = first;
  const judgement: Judgement = { table, verdict, beaten, losses, lift };
  const champion = tasks.filter((task) => task.evaluation === judge.evaluation && task.candidate === table.champion);
  const oof = await work.pooled(champion, work.scoredTable(evaluations[judge.evaluation]));
  return {
    tables: {
      [OOF_PREDICTIONS]: await work.putPredictions(
        work.keys(oof),
        numbers(oof.columns.prediction, 'prediction', OOF_PREDICTIONS),
      ),
    },
    artifacts: {
      [METRICS]: await work.putJson(table),
      [JUDGEMENT]: await work.putJson(judgement),
    },
    rowsIn: rows,
    rowsOut: oof.rows,
    facts: {
      champion: table.champion,
      beaten: beaten ? 1 : 0,
      [judge.metric]: table.models[table.champion]?.[judge.metric] ?? null,
    },
  };
}

async function judgeEvaluation(
  work: TrainingWork,
  name: string,
  evaluation: EvaluationDefinition,
  tasks: FitTask[],
): Promise<{ evaluation: Evaluation; rows: number }> {
  const { target, baselines, metrics, judge, candidates } = work.definition;
  const isJudge = name === judge.evaluation;
  const scored = work.scoredTable(evaluation);
  const wanted = isJudge ? [...new Set(Object.values(baselines).flat())] : [];
  const models: Record<string, Contender> = {};
  let base: Columns | undefined;
  for (const [candidate, { learner, ...params }] of Object.entries(candidates)) {
    base = await work.pooled(
      tasks.filter((task) => task.candidate === candidate),
      scored,
      [target, ...wanted],
    );
    models[candidate] = {
      prediction: numbers(base.columns.prediction, 'prediction', candidate),
      scale: learnerOf(learner).scaleOf(parseParams(learner, params)),
    };
  }
  if (base === undefined) throw new GeorefreshError('GR-3002', 'there is no candidate to judge');
  const { columns } = base;
  const result = await work.deps.pool.run(
    'judgeModels',
    {
      keys: work.keys(base),
      target: numbers(columns[target], target, scored),
      models,
      baselines: isJudge
        ? Object.fromEntries(
            Object.entries(baselines).map(([key, names]) => [
              key,
              names.map((column) => numbers(columns[column], column, scored)),
            ]),
          )
        : {},
      metrics,
      judge: { metric: judge.metric, better: judge.better },
    },
    work.kernelOptions(),
  );
  return { evaluation: result, rows: base.rows };
}
