import { GeorefreshError } from '../../config/errors.js';
import type { Deps } from '../deps.js';
import { definitionOf, nameOf, prefixOf } from '../deps.js';
import { step } from '../durable.js';
import { tableTasks } from '../resolve/plan.js';
import type { StepInput } from '../types.js';
import { buildTable } from './steps/build.js';

export const createFeatureActivities = (deps: Deps) => ({
  /** Builds a table of the definition by its chain of builders. */
  features: step(deps, async (input: StepInput, context) => {
    const definition = await definitionOf(deps.lake, input);
    const task = tableTasks(definition).find(({ name, stage }) => stage === 'features' && name === nameOf(input));
    if (task === undefined) throw new GeorefreshError('GR-3009', `no table is called ${nameOf(input)}`);
    return buildTable(deps, definition, task, prefixOf(definition.pipeline.name, 'features'), input, context);
  }),
});
