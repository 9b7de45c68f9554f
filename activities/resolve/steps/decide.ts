import { firstBroken, type Ingredients, lookUp, type Remembered, reuseKey } from '../../../lake/reuse.js';
import { latestManifests } from '../../../lake/runs.js';
import type { CallOptions } from '../../../lake/types.js';
import type { Deps } from '../../deps.js';
import { ingredientsOf } from '../../reuse.js';
import type { DecidedStep, PlanStep, StepRecord, StepResult } from '../../types.js';
import type { FrozenDefinition } from '../frozen.js';
import { inputsOf, type Recipe, recipeOf } from '../ingredients.js';
import type { Contents } from './contents.js';

/** How many of the latest runs are asked what a step went by when it last ran. */
const REMEMBERED_RUNS = 5;

export interface DecideInput {
  definition: FrozenDefinition;
  steps: readonly PlanStep[];
  /** What the sources are, by their names, as far as that is known. */
  contents: Readonly<Record<string, Contents>>;
  force: boolean;
  /** Looks into partitioned steps, as a run would make them. */
  partitions?: (step: PlanStep, made: Pick<StepResult, 'tables' | 'artifacts'>) => Promise<DecidedStep['partitions']>;
}

/** Says of each step whether it will run, and why. Reads only. */
export async function decide(
  deps: Deps,
  pipeline: string,
  { definition, steps, contents, force, partitions }: DecideInput,
  options: CallOptions,
): Promise<DecidedStep[]> {
  const known = new Map<string, StepRecord>();
  // Only asked where something will run: a refresh that finds nothing changed reads no manifest.
  let before: Promise<Map<string, string>> | undefined;

  const keptOf = async (ingredients: Ingredients): Promise<Remembered | { broken: string } | undefined> => {
    const kept = await lookUp(deps.lake, pipeline, reuseKey(ingredients), options);
    const broken = kept && (await firstBroken(deps.lake, kept, options));
    return broken === undefined ? kept : { broken: `${broken.uri} is gone or damaged` };
  };
  const lastOf = async ({ id }: PlanStep): Promise<Remembered | undefined> => {
    before ??= lastKeys(deps, pipeline, options);
    const key = (await before).get(id);
    return key === undefined ? undefined : lookUp(deps.lake, pipeline, key, options);
  };

  /** Of a step that waits for others: if they leave what they left before, is its result there? */
  const unlessChanged = async (step: PlanStep, recipe: Recipe): Promise<Pick<DecidedStep, 'decision' | 'why'>> => {
    const last = await lastOf(step);
    if (last === undefined) return { decision: 'run', why: differences(last) };
    const ingredients = await ingredientsOf(deps, step.id, recipe, last.ingredients.inputs);
    const kept = await keptOf(ingredients);
    if (kept === undefined) return { decision: 'run', why: differences(last, ingredients) };
    return 'broken' in kept ? { decision: 'run', why: [kept.broken] } : { decision: 'if-changed', why: [] };
  };

  const look = async (step: PlanStep): Promise<DecidedStep> => {
    const recipe = recipeOf(definition, step);
    if (recipe === undefined) return { ...step, decision: 'run', why: ['it tells of this run'] };
    if (force) return { ...step, decision: 'run', why: ['forced'] };
    if (!step.needs.every((id) => known.has(id))) return { ...step, ...(await unlessChanged(step, recipe)) };
    const needed = step.needs.flatMap((id) => known.get(id) ?? []);
    const made = {
      tables: Object.assign({}, ...needed.map(({ tables }) => tables)) as StepResult['tables'],
      artifacts: Object.assign({}, ...needed.map(({ artifacts }) => artifacts)) as StepResult['artifacts'],
    };
    const inputs = inputsOf(recipe, step.id, made, needed);
    if (step.stage === 'ingest') {
      const content = contents[step.id.slice('ingest/'.length)];
      if (content === undefined) return { ...step, decision: 'run', why: ['what it reads is not known before'] };
      Object.assign(inputs, content);
    }
    const ingredients = await ingredientsOf(deps, step.id, recipe, inputs);
    const kept = await keptOf(ingredients);
    if (kept === undefined) {
      const divided = step.partitioned === true ? await partitions?.(step, made) : undefined;
      const why = differences(await lastOf(step), ingredients);
      return { ...step, decision: 'run', why, ...(divided && { partitions: divided }) };
    }
    if ('broken' in kept) return { ...step, decision: 'run', why: [kept.broken] };
    const result: StepResult = { ...(kept.result as StepResult), reused: true, key: kept.key };
    known.set(step.id, { id: step.id, stage: step.stage, why: [], ...result });
    return { ...step, decision: 'reuse', why: [], result };
  };

  const decided: DecidedStep[] = [];
  for (const step of steps) {
    options.signal?.throwIfAborted();
    decided.push(await look(step));
  }
  return decided;
}

/** The latest reuse key of each step. */
async function lastKeys({ lake }: Deps, pipeline: string, options: CallOptions): Promise<Map<string, string>> {
  const keys = new Map<string, string>();
  for (const { steps } of await latestManifests(lake.store, pipeline, { ...options, limit: REMEMBERED_RUNS }))
    for (const { id, key } of steps) if (key !== undefined && !keys.has(id)) keys.set(id, key);
  return keys;
}

/** What is other than when the step last ran. */
function differences(last: Remembered | undefined, now?: Ingredients): string[] {
  if (last === undefined || now === undefined) return ['it has not run yet'];
  const then = last.ingredients;
  const names = [...new Set([...Object.keys(then.inputs), ...Object.keys(now.inputs)])].sort();
  return [
    ...names.filter((name) => then.inputs[name] !== now.inputs[name]).map((name) => `${name} changed`),
    ...(then.parameters === now.parameters ? [] : ['its definition changed']),
    ...(then.code === now.code ? [] : ['its code changed']),
    ...(then.packages === now.packages ? [] : ['packages or platform changed']),
  ];
}
