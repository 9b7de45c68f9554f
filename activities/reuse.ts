import { sha256Of } from '../lake/hashing.js';
import { readOverlay } from '../lake/overlays.js';
import { firstBroken, type Ingredients, lookUp, remember, reuseKey } from '../lake/reuse.js';
import type { Artifact } from '../lake/types.js';
import { type Deps, definitionOf } from './deps.js';
import { isParts } from './partitions/ledger.js';
import type { FrozenDefinition } from './resolve/frozen.js';
import { inputsOf, type Recipe, recipeOf } from './resolve/ingredients.js';
import { type Contents, contentsFrom } from './resolve/steps/contents.js';
import type { PublishInput, RunHeader, StepInput, StepRecord, StepResult } from './types.js';

/** What a step's work leaves; the rest of its result is the engine's to tell. */
export type Made = Omit<StepResult, 'inputs' | 'began' | 'ended' | 'seconds' | 'attempt' | 'reused' | 'key'> & Beside;

/** With what is told of a result where it is kept, and nowhere else. */
type Done = Omit<StepResult, 'inputs' | 'reused' | 'key'> & Beside;

export interface Beside {
  /** Objects that those of the result lead to: without them it is not whole. */
  leadsTo?: readonly Artifact[];
  /** Of a step that reads a source: what it turned out to be. */
  contents?: Contents;
}

/**
 * The result of a step: what was kept under its reuse key or, where that is nothing whole or the run is forced, what
 * `work` makes, which is then kept. `work` sees of the input only what the step's recipe says that it reads, so nothing
 * that the key does not cover can get into its result.
 */
export async function reusing<I extends StepInput>(
  deps: Deps,
  input: I,
  signal: AbortSignal,
  work: (given: I) => Promise<Done>,
): Promise<StepResult> {
  const { lake } = deps;
  const looked = await lookForStep(deps, input, signal);
  if (looked.kept !== undefined) return looked.kept;
  const given = looked.recipe === undefined ? input : onlyRead(input, looked.recipe);
  const { leadsTo = [], contents = {}, ...done } = await work(given);
  const made = { ...done, inputs: digestsOf(given) };
  if (looked.recipe === undefined) return { ...made, reused: false };
  const ingredients =
    looked.ingredients ?? (await ingredientsOf(deps, input.step.id, looked.recipe, { ...looked.read, ...contents }));
  const kept = { objects: [...objectsOf(made), ...leadsTo], result: made };
  return { ...made, reused: false, key: await remember(lake, input.header.pipeline, ingredients, kept, { signal }) };
}

interface Looked {
  /** Undefined for a step that is never reused. */
  recipe?: Recipe;
  read: Record<string, string>;
  /** Undefined where what decides the result is known only when it is made: a file's content, which the plan has looked at. */
  ingredients?: Ingredients;
  kept?: StepResult;
}

/** What is kept of a step that is about to run. */
export async function lookForStep(deps: Deps, input: StepInput, signal: AbortSignal): Promise<Looked> {
  const definition = await definitionOf(deps.lake, input);
  const recipe = recipeOf(definition, input.step);
  if (recipe === undefined) return { read: {} };
  const records = 'steps' in input ? (input as PublishInput).steps : [];
  const read = inputsOf(recipe, input.step.id, input, records);
  const contents = await contentsOf(deps, definition, input.step, signal);
  if (contents === 'unread') return { recipe, read };
  const ingredients = await ingredientsOf(deps, input.step.id, recipe, { ...read, ...contents });
  const kept = await recallWhole<StepResult>(deps, input.header, ingredients, signal);
  return { recipe, read, ingredients, ...(kept && { kept: { ...kept.result, reused: true, key: kept.key } }) };
}

/**
 * What is kept under a key where it is whole, unless the run is forced. A damaged object stays until it is made again:
 * whoever puts the right bytes replaces it.
 */
export async function recallWhole<T>(
  { lake }: Pick<Deps, 'lake'>,
  { pipeline, force }: Pick<RunHeader, 'pipeline' | 'force'>,
  ingredients: Ingredients,
  signal: AbortSignal,
): Promise<{ key: string; result: T } | undefined> {
  if (force) return undefined;
  const kept = await lookUp(lake, pipeline, reuseKey(ingredients), { signal });
  if (kept === undefined) return undefined;
  const broken = await firstBroken(lake, kept, { signal });
  return broken === undefined ? { key: kept.key, result: kept.result as T } : undefined;
}

/** Everything that decides what a step leaves; `inputs` are digests by name. */
export async function ingredientsOf(
  { code }: Pick<Deps, 'code'>,
  step: string,
  recipe: Recipe,
  inputs: Record<string, string>,
): Promise<Ingredients> {
  const [own, packages] = await Promise.all([code.of(...recipe.code), code.packages()]);
  return { step, code: own, packages, parameters: sha256Of(JSON.stringify(recipe.parameters)), inputs };
}

/** What a source is known to be before it is read: a sample by the code that generates it. `unread` for any other. */
async function contentsOf(
  { lake }: Deps,
  { pipeline, sources }: FrozenDefinition,
  { id, stage }: StepInput['step'],
  signal: AbortSignal,
): Promise<Contents | 'unread'> {
  if (stage !== 'ingest') return {};
  const source = sources.find(({ name }) => `ingest/${name}` === id);
  if (source?.generator === undefined) return 'unread';
  return contentsFrom(source.generator, await readOverlay(lake.store, pipeline.name, source.name, { signal }));
}

/** A run's publication is known by the definition, the code that publishes, and what all steps before it left. */
export async function publicationOf(
  { code }: Pick<Deps, 'code'>,
  definition: Artifact,
  frozen: FrozenDefinition,
  records: readonly Pick<StepRecord, 'id' | 'stage' | 'tables' | 'artifacts' | 'quarantine'>[],
): Promise<string> {
  const lines = records
    .filter((record) => recipeOf(frozen, record) !== undefined)
    .map((record) => `${record.id} ${objectsOf(contentOf(record)).map(({ sha256 }) => sha256)}\n`)
    .sort();
  const publishing = [await code.of('activities/publish/index'), await code.packages()];
  return sha256Of([definition.sha256, ...publishing, ...lines].join('\n'));
}

/** How a table was divided when it was made is nothing of what it holds. */
const contentOf = <T extends Pick<StepResult, 'artifacts'>>(record: T): T => ({
  ...record,
  artifacts: Object.fromEntries(Object.entries(record.artifacts).filter(([name]) => !isParts(name))),
});

/** The objects of a result, in an order of their names. */
function objectsOf({
  tables,
  artifacts,
  quarantine,
}: Pick<StepResult, 'tables' | 'artifacts' | 'quarantine'>): Artifact[] {
  // A table may have the name of the artifact that it was read from.
  const named = [tables, artifacts].flatMap((all) =>
    Object.entries<Artifact>(all).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  return [...named.map(([, ref]) => ref), ...(quarantine === undefined ? [] : [quarantine])].map(
    ({ uri, sha256, bytes }) => ({ uri, sha256, bytes }),
  );
}

function onlyRead<I extends StepInput>(input: I, { reads }: Recipe): I {
  const pick = <T>(all: Record<string, T>): Record<string, T> =>
    Object.fromEntries(Object.entries(all).filter(([name]) => reads.includes(name)));
  return { ...input, tables: pick(input.tables), artifacts: pick(input.artifacts) };
}

function digestsOf({ tables, artifacts }: Pick<StepInput, 'tables' | 'artifacts'>): string[] {
  const digests = [...Object.values(tables), ...Object.values(artifacts)].map(({ sha256 }) => sha256);
  return [...new Set(digests)].sort();
}
