import { GeorefreshError } from '../../config/errors.js';
import { type Deps, definitionOf } from '../deps.js';
import { type Made, type StepContext, step } from '../durable.js';
import { fitTasks, GATHER_PREDICTIONS } from '../resolve/plan.js';
import type { StepInput } from '../types.js';
import { writeCard } from './steps/card.js';
import { fitChampion } from './steps/champion.js';
import { fitPart } from './steps/fit.js';
import { gatherPredictions } from './steps/gather.js';
import { weighFeatures } from './steps/importance.js';
import { judgeCandidates } from './steps/judge.js';
import { TrainingWork } from './steps/work.js';

export const createTrainActivities = (deps: Deps) => {
  /** A step of the train stage: a fit of an evaluation, the judgement over all, the published model, its card. */
  const train = step(deps, async (input: StepInput, context: StepContext): Promise<Made> => {
    const { pipeline } = await definitionOf(deps.lake, input);
    if (pipeline.train === undefined) throw new GeorefreshError('GR-3009', `${pipeline.name} trains no model`);
    const work = new TrainingWork(deps, pipeline.name, pipeline.train, input, context);
    if (input.step.id === 'train/evaluate') return judgeCandidates(work, fitTasks(pipeline));
    if (input.step.id === GATHER_PREDICTIONS) return gatherPredictions(work, fitTasks(pipeline));
    if (input.step.id === 'train/model') return fitChampion(work);
    if (input.step.id === 'train/importance') return weighFeatures(work);
    if (input.step.id === 'train/card') return writeCard(work, pipeline);
    const task = fitTasks(pipeline).find(({ id }) => id === input.step.id);
    if (task === undefined) throw new GeorefreshError('GR-3009', `no step is called ${input.step.id}`);
    return fitPart(work, task);
  });
  return { train };
};
