import { GeorefreshError } from '../../../config/errors.js';
import { putArtifact } from '../../../lake/artifacts.js';
import { sha256Of } from '../../../lake/hashing.js';
import { type Ingredients, remember } from '../../../lake/reuse.js';
import { putTable, sessionWith } from '../../../lake/tables.js';
import type { Artifact } from '../../../lake/types.js';
import { type Deps, definitionOf, nameOf, prefixOf, tableOf } from '../../deps.js';
import type { Made, StepContext } from '../../durable.js';
import type { FrozenDefinition } from '../../resolve/frozen.js';
import { PREDICTIONS, tableTasks } from '../../resolve/plan.js';
import { recallWhole } from '../../reuse.js';
import type { StepInput } from '../../types.js';
import { areScattered, type Ledger, PARTITION, type Part, partsOf, partsSql } from '../ledger.js';
import type { Gathered, Partitioner } from './partitioner.js';
import { predictionPartitioner } from './predictions.js';
import { selectPartitioner } from './selects.js';
import { ontoShelf } from './shelf.js';
import { tablePartitioner } from './tables.js';

/** The partitions of a chunk, kept or made now; none where there is no such chunk. */
export async function chunkOf(
  deps: Deps,
  input: StepInput,
  { base, parts, chunks }: Ledger,
  chunk: number,
  context: StepContext,
): Promise<Part[]> {
  const names = chunks[chunk] ?? [];
  if (names.length === 0) return [];
  const planned = new Map(parts.map((part) => [part.name, part]));
  const own = names.map((name) => planned.get(name));
  if (base === undefined || own.includes(undefined))
    throw new GeorefreshError('GR-3009', `${input.step.id} has no such partitions`);
  const keys = own.map((part) => part?.key).join(' ');
  const ingredients: Ingredients = { ...base, inputs: { partitions: sha256Of(keys) } };
  const kept = await recallWhole<Part[]>(deps, input.header, ingredients, context.signal);
  if (kept !== undefined) return kept.result;
  const partitioner = await partitionerOf(deps, input);
  const { table, facts } = await partitioner.make(input, names, context);
  const made = names.map((name) => ({
    ...table,
    name,
    rows: planned.get(name)?.rows ?? 0,
    facts: facts.get(name) ?? {},
  }));
  await remember(deps.lake, input.header.pipeline, ingredients, { objects: [objectOf(table)], result: made }, context);
  return made;
}

/** The whole table of the partitions that were kept and those that were made. */
export async function together(
  deps: Deps,
  input: StepInput,
  { base, parts }: Ledger,
  made: readonly Part[],
  context: StepContext,
): Promise<Made> {
  const byName = new Map(made.map((part) => [part.name, part]));
  const found = parts.map(({ name, kept }) => {
    const part = kept ?? byName.get(name);
    if (part === undefined) throw new GeorefreshError('GR-3009', `${input.step.id}: partition ${name} was not made`);
    return part;
  });
  const partitioner = await partitionerOf(deps, input);
  if (base === undefined) throw new GeorefreshError('GR-3009', `${input.step.id} was kept and is made all the same`);
  const all = areScattered(found) ? await writtenTogether(deps.lake, partitioner.prefix, found, context) : found;
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
    // Only what of them decides the table, and in one order: a part that was just made and one from the shelf are the same.
    partitions: sha256Of(JSON.stringify(parts.map(({ name, sha256, facts }) => [name, sha256, facts]))),
  };
  const ingredients: Ingredients = { ...base, inputs };
  const kept = await recallWhole<Gathered>(deps, header, ingredients, context.signal);
  if (kept !== undefined) return kept.result;
  const made = await partitioner.gather(input, parts, context);
  const objects = [objectOf(made.table)];
  await remember(deps.lake, header.pipeline, ingredients, { objects, result: made }, context);
  return made;
}

/** What divides a step, makes its partitions and puts them together. */
export async function partitionerOf(deps: Deps, input: StepInput): Promise<Partitioner> {
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
  const table = await sessionWith(
    lake,
    tables,
    (session) => putTable(lake, session, { select }, { prefix, orderBy: [PARTITION], signal }),
    { signal },
  );
  return parts.map((part) => ({ ...part, ...table, rows: part.rows }));
}

/** What activities of a step hand each other, as an artifact. */
export const putJson = (
  { lake }: Deps,
  { header }: Pick<StepInput, 'header'>,
  value: unknown,
  { signal }: StepContext,
): Promise<Artifact> =>
  putArtifact(lake.store, prefixOf(header.pipeline, 'state'), Buffer.from(JSON.stringify(value)), 'json', { signal });

const objectOf = ({ uri, sha256, bytes }: Artifact): Artifact => ({ uri, sha256, bytes });
