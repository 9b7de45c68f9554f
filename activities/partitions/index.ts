import { GeorefreshError } from '../../config/errors.js';
import { fetchJson, putArtifact } from '../../lake/artifacts.js';
import { remember } from '../../lake/reuse.js';
import type { Artifact } from '../../lake/types.js';
import { type Deps, definitionOf, nameOf, prefixOf } from '../deps.js';
import { type Made, reading, type StepContext, step } from '../durable.js';
import type { FrozenDefinition } from '../resolve/frozen.js';
import { PREDICTIONS, tableTasks } from '../resolve/plan.js';
import { ingredientsOf, lookForStep, recallWhole } from '../reuse.js';
import type { GatherInput, PartInput, PartsMade, Split, StepInput } from '../types.js';
import { chunksOf, type Ledger, type Part, partsOf } from './ledger.js';
import type { Partitioner } from './steps/partitioner.js';
import { predictionPartitioner } from './steps/predictions.js';
import { tablePartitioner } from './steps/tables.js';

export const createPartitionActivities = (deps: Deps) => ({
  /** Divides a step: which of its partitions are kept, and which are to be made, in chunks. */
  split: reading(deps, async (input: StepInput, context: StepContext): Promise<Split> => {
    const began = Date.now();
    const started = performance.now();
    const { kept } = await lookForStep(deps, input, context.signal);
    const ledger =
      kept === undefined ? await divide(deps, input, context) : ({ parts: [], chunks: [] } satisfies Ledger);
    return {
      ...(kept && { kept }),
      ledger: await putJson(deps, input, ledger, context),
      chunks: ledger.chunks.map((names) => (names.length === 1 ? String(names[0]) : `${names[0]} … ${names.at(-1)}`)),
      partitions: { all: ledger.parts.length, made: ledger.chunks.flat().length },
      began,
      seconds: (performance.now() - started) / 1000,
    };
  }),

  /** Makes a chunk of partitions in one table; each is kept under a key of its own. */
  part: reading(deps, async (input: PartInput, context: StepContext): Promise<PartsMade> => {
    const started = performance.now();
    const { lake } = deps;
    const { pipeline } = input.header;
    const { parts, chunks } = await fetchJson<Ledger>(lake.store, input.ledger);
    const planned = new Map(parts.map((part) => [part.name, part]));
    const made: Part[] = [];
    const open: string[] = [];
    for (const name of chunks[input.chunk] ?? []) {
      const ingredients = planned.get(name)?.ingredients;
      if (ingredients === undefined) throw new GeorefreshError('GR-3009', `${input.step.id} has no partition ${name}`);
      const kept = await recallWhole<Part>(deps, input.header, ingredients, context.signal);
      if (kept === undefined) open.push(name);
      else made.push(kept.result);
    }
    if (open.length > 0) {
      const partitioner = await partitionerOf(deps, input);
      const { table, facts } = await partitioner.make(input, open, context);
      for (const name of open) {
        const { ingredients, rows } = planned.get(name) as Ledger['parts'][number];
        const part: Part = { ...table, name, rows, facts: facts.get(name) ?? {} };
        await remember(lake, pipeline, ingredients, { objects: [objectOf(table)], result: part }, context);
        made.push(part);
      }
    }
    return { parts: await putJson(deps, input, made, context), seconds: (performance.now() - started) / 1000 };
  }),

  /** Puts the partitions together, those that were kept and those that were made. */
  gather: step(deps, async (input: GatherInput, context: StepContext): Promise<Made> => {
    const { lake } = deps;
    const { parts } = await fetchJson<Ledger>(lake.store, input.ledger);
    const made = (await Promise.all(input.made.map((chunk) => fetchJson<Part[]>(lake.store, chunk.parts)))).flat();
    const byName = new Map(made.map((part) => [part.name, part]));
    const all = parts.map(({ name, kept }) => {
      const part = kept ?? byName.get(name);
      if (part === undefined) throw new GeorefreshError('GR-3009', `${input.step.id}: partition ${name} was not made`);
      return part;
    });
    const partitioner = await partitionerOf(deps, input);
    const { table, rowsIn, facts = {} } = await partitioner.gather(input, all, context);
    return {
      tables: { [partitioner.output]: table },
      artifacts: {
        [partsOf(partitioner.output)]: await putJson(deps, input, all, context),
      },
      rowsIn,
      rowsOut: table.rows,
      facts: { ...facts, partitions: all.length },
    };
  }),
});

/** The partitions of a step, and which of them are kept. Writes nothing. */
export async function divide(deps: Deps, input: StepInput, context: StepContext): Promise<Ledger> {
  const { signal } = context;
  const { recipe } = await lookForStep(deps, input, signal);
  if (recipe === undefined) throw new GeorefreshError('GR-3009', `${input.step.id} is never made in partitions`);
  const planned = await (await partitionerOf(deps, input)).split(input, context);
  const parts: Ledger['parts'] = [];
  for (const { name, rows, inputs } of planned) {
    signal.throwIfAborted();
    const ingredients = await ingredientsOf(deps, input.step.id, recipe, { partition: name, ...inputs });
    const kept = await recallWhole<Part>(deps, input.header, ingredients, signal);
    parts.push({ name, rows, ingredients, ...(kept && { kept: kept.result }) });
  }
  const open = parts.filter(({ kept }) => kept === undefined);
  return { parts, chunks: chunksOf(open, deps.settings.partitions.rows) };
}

async function partitionerOf(deps: Deps, input: StepInput): Promise<Partitioner> {
  const definition: FrozenDefinition = await definitionOf(deps.lake, input);
  const { pipeline } = definition;
  const name = nameOf(input);
  const by = pipeline.score.predict?.partition;
  if (input.step.stage === 'score' && name === PREDICTIONS && by !== undefined)
    return predictionPartitioner(deps, pipeline, by);
  const task = tableTasks(definition).find((one) => one.stage === input.step.stage && one.name === name);
  if (task?.table.partition === undefined) throw new GeorefreshError('GR-3009', `${input.step.id} has no partitions`);
  return tablePartitioner(deps, definition, task, task.table.partition);
}

const putJson = (
  { lake }: Deps,
  { header }: Pick<StepInput, 'header'>,
  value: unknown,
  { signal }: StepContext,
): Promise<Artifact> =>
  putArtifact(lake.store, prefixOf(header.pipeline, 'state'), Buffer.from(JSON.stringify(value)), 'json', { signal });

const objectOf = ({ uri, sha256, bytes }: Artifact): Artifact => ({ uri, sha256, bytes });
