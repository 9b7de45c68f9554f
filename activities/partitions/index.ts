import { GeorefreshError } from '../../config/errors.js';
import { fetchJson, putArtifact } from '../../lake/artifacts.js';
import { sha256Of } from '../../lake/hashing.js';
import { type Ingredients, remember, reuseKey } from '../../lake/reuse.js';
import { putTable, withTables } from '../../lake/tables.js';
import type { Artifact } from '../../lake/types.js';
import { type Deps, definitionOf, nameOf, prefixOf, tableOf } from '../deps.js';
import { type Made, reading, type StepContext, step } from '../durable.js';
import type { FrozenDefinition } from '../resolve/frozen.js';
import { PREDICTIONS, tableTasks } from '../resolve/plan.js';
import { ingredientsOf, lookForStep, recallWhole } from '../reuse.js';
import type { GatherInput, PartInput, PartsMade, Split, StepInput } from '../types.js';
import { areScattered, chunksOf, type Ledger, PARTITION, type Part, partsOf, partsSql } from './ledger.js';
import type { Gathered, Partitioner } from './steps/partitioner.js';
import { predictionPartitioner } from './steps/predictions.js';
import { selectPartitioner } from './steps/selects.js';
import { fromShelf, ontoShelf } from './steps/shelf.js';
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

  /** Makes a chunk of partitions in one table, which is kept under what decides them all. */
  part: reading(deps, async (input: PartInput, context: StepContext): Promise<PartsMade> => {
    const started = performance.now();
    const { lake } = deps;
    const { pipeline } = input.header;
    const ledger = await fetchJson<Ledger>(lake.store, input.ledger);
    const names = ledger.chunks[input.chunk] ?? [];
    const planned = new Map(ledger.parts.map((part) => [part.name, part]));
    const own = names.map((name) => planned.get(name));
    if (ledger.base === undefined || own.includes(undefined))
      throw new GeorefreshError('GR-3009', `${input.step.id} has no such partitions`);
    const keys = own.map((part) => part?.key).join(' ');
    const ingredients: Ingredients = { ...ledger.base, inputs: { partitions: sha256Of(keys) } };
    const kept = await recallWhole<Part[]>(deps, input.header, ingredients, context.signal);
    let made = kept?.result;
    if (made === undefined) {
      const partitioner = await partitionerOf(deps, input);
      const { table, facts } = await partitioner.make(input, names, context);
      made = names.map((name) => ({
        ...table,
        name,
        rows: planned.get(name)?.rows ?? 0,
        facts: facts.get(name) ?? {},
      }));
      await remember(lake, pipeline, ingredients, { objects: [objectOf(table)], result: made }, context);
    }
    return { parts: await putJson(deps, input, made, context), seconds: (performance.now() - started) / 1000 };
  }),

  /** Puts the partitions together, those that were kept and those that were made. */
  gather: step(deps, async (input: GatherInput, context: StepContext): Promise<Made> => {
    const { lake } = deps;
    const { base, parts } = await fetchJson<Ledger>(lake.store, input.ledger);
    const made = (await Promise.all(input.made.map((chunk) => fetchJson<Part[]>(lake.store, chunk.parts)))).flat();
    const byName = new Map(made.map((part) => [part.name, part]));
    const found = parts.map(({ name, kept }) => {
      const part = kept ?? byName.get(name);
      if (part === undefined) throw new GeorefreshError('GR-3009', `${input.step.id}: partition ${name} was not made`);
      return part;
    });
    const partitioner = await partitionerOf(deps, input);
    if (base === undefined) throw new GeorefreshError('GR-3009', `${input.step.id} was kept and is made all the same`);
    const all = areScattered(found) ? await writtenTogether(lake, partitioner.prefix, found, context) : found;
    const { table, rowsIn, facts = {} } = await gathered(deps, input, base, partitioner, all, context);
    const byKey = new Map(parts.flatMap(({ key }, i) => (all[i] === undefined ? [] : [[key, all[i]] as const])));
    await ontoShelf(deps, input.header.pipeline, base, byKey, context);
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
  const base = await ingredientsOf(deps, input.step.id, recipe, {});
  const partitioner = await partitionerOf(deps, input);
  const planned = await partitioner.split(input, context);
  const kept = await fromShelf(deps, input.header, base, { signal });
  const parts = planned.map(({ name, rows, inputs }): Ledger['parts'][number] => {
    const key = reuseKey({ ...base, inputs: { partition: name, ...inputs } });
    const part = kept.get(key);
    return { name, rows, key, ...(part && { kept: part }) };
  });
  const open = parts.filter((part) => part.kept === undefined);
  return { base, parts, chunks: chunksOf(open, deps.settings.partitions.rows * partitioner.ease) };
}

/**
 * The whole table. Where another table that its rows read has changed, and none of the partitions by it, it is the one that
 * was put together of them before.
 */
async function gathered(
  deps: Deps,
  input: StepInput,
  base: Ingredients,
  partitioner: Partitioner,
  parts: Part[],
  context: StepContext,
): Promise<Gathered> {
  const { header } = input;
  const inputs = {
    'divided rows': tableOf(input, partitioner.from).sha256,
    partitions: sha256Of(JSON.stringify(parts)),
  };
  const ingredients: Ingredients = { ...base, inputs };
  const kept = await recallWhole<Gathered>(deps, header, ingredients, context.signal);
  if (kept !== undefined) return kept.result;
  const made = await partitioner.gather(input, parts, context);
  const objects = [objectOf(made.table)];
  await remember(deps.lake, header.pipeline, ingredients, { objects, result: made }, context);
  return made;
}

async function partitionerOf(deps: Deps, input: StepInput): Promise<Partitioner> {
  const definition: FrozenDefinition = await definitionOf(deps.lake, input);
  const { pipeline } = definition;
  const name = nameOf(input);
  const by = pipeline.score.predict?.partition;
  if (input.step.stage === 'score' && name === PREDICTIONS && by !== undefined)
    return predictionPartitioner(deps, pipeline, by);
  const task = tableTasks(definition).find((one) => one.stage === input.step.stage && one.name === name);
  const { partition, steps = [] } = task?.table ?? {};
  if (task === undefined || partition === undefined)
    throw new GeorefreshError('GR-3009', `${input.step.id} has no partitions`);
  const bySql = steps.some((builder) => 'sql' in builder);
  return (bySql ? selectPartitioner : tablePartitioner)(deps, definition, task, partition);
}

/** Partitions that lie scattered over many tables, in one. */
async function writtenTogether(
  lake: Deps['lake'],
  prefix: string,
  parts: readonly Part[],
  { signal }: StepContext,
): Promise<Part[]> {
  const { tables, select } = partsSql(parts);
  const table = await lake.duckdb.session(
    (session) =>
      withTables(
        lake,
        session,
        tables,
        () => putTable(lake, session, { select }, { prefix, orderBy: [PARTITION], signal }),
        { signal },
      ),
    { signal },
  );
  return parts.map((part) => ({ ...part, ...table, rows: part.rows }));
}

const putJson = (
  { lake }: Deps,
  { header }: Pick<StepInput, 'header'>,
  value: unknown,
  { signal }: StepContext,
): Promise<Artifact> =>
  putArtifact(lake.store, prefixOf(header.pipeline, 'state'), Buffer.from(JSON.stringify(value)), 'json', { signal });

const objectOf = ({ uri, sha256, bytes }: Artifact): Artifact => ({ uri, sha256, bytes });
