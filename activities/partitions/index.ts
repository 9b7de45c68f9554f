import { GeorefreshError } from '../../config/errors.js';
import { fetchJson } from '../../lake/artifacts.js';
import { reuseKey } from '../../lake/reuse.js';
import type { Deps } from '../deps.js';
import { type Made, perform, reading, type StepContext, step } from '../durable.js';
import { ingredientsOf, lookForStep } from '../reuse.js';
import type { GatherInput, PartInput, PartsMade, Split, StepInput } from '../types.js';
import { chunksOf, type Ledger, type Part } from './ledger.js';
import { chunkOf, partitionerOf, putJson, together } from './steps/make.js';
import { fromShelf } from './steps/shelf.js';

export const createPartitionActivities = (deps: Deps) => ({
  /**
   * Divides a step: which of its partitions are kept, and which are to be made, in chunks. What is one chunk at most is made
   * here and put together, as two further activities would take longer than it does.
   */
  split: reading(deps, async (input: StepInput, context: StepContext): Promise<Split> => {
    const began = Date.now();
    const started = performance.now();
    const { kept } = await lookForStep(deps, input, context.signal);
    const ledger = kept === undefined ? await divide(deps, input, context) : { parts: [], chunks: [] };
    const split = {
      ledger: await putJson(deps, input, ledger, context),
      chunks: ledger.chunks.map((names) => (names.length === 1 ? String(names[0]) : `${names[0]} … ${names.at(-1)}`)),
      partitions: { all: ledger.parts.length, made: ledger.chunks.flat().length },
      began,
    };
    const soFar = (): number => (performance.now() - started) / 1000;
    if (kept !== undefined) return { ...split, kept, seconds: soFar() };
    if (ledger.chunks.length > 1) return { ...split, seconds: soFar() };
    const whole = await perform(deps, input, context, async (given) =>
      together(deps, given, ledger, await chunkOf(deps, given, ledger, 0, context), context),
    );
    const seconds = soFar();
    return { ...split, kept: { ...whole, began, seconds, partitions: split.partitions }, seconds };
  }),

  /** Makes a chunk of partitions in one table, which is kept under what decides them all. */
  part: reading(deps, async (input: PartInput, context: StepContext): Promise<PartsMade> => {
    const started = performance.now();
    const ledger = await fetchJson<Ledger>(deps.lake.store, input.ledger);
    const made = await chunkOf(deps, input, ledger, input.chunk, context);
    return { parts: await putJson(deps, input, made, context), seconds: (performance.now() - started) / 1000 };
  }),

  /** Puts the partitions together, those that were kept and those that were made. */
  gather: step(deps, async (input: GatherInput, context: StepContext): Promise<Made> => {
    const { store } = deps.lake;
    const ledger = await fetchJson<Ledger>(store, input.ledger);
    const made = await Promise.all(input.made.map((chunk) => fetchJson<Part[]>(store, chunk.parts)));
    return together(deps, input, ledger, made.flat(), context);
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
