import type { TableRef } from '../../../lake/types.js';
import type { StepContext } from '../../durable.js';
import type { StepInput } from '../../types.js';
import type { Part, Planned } from '../ledger.js';

/** A step that can be made in partitions. */
export interface Partitioner {
  /** Name of the table that it makes. */
  output: string;
  /** Name of the table whose rows are divided. */
  from: string;
  /** Where its tables lie in the lake. */
  prefix: string;
  /** How many times as many rows a chunk may have as where kernels are at work. */
  ease: number;
  /** The partitions, each with what decides its rows. Writes nothing. */
  split(input: StepInput, context: StepContext): Promise<Planned[]>;
  /** Makes the partitions named, in one table. */
  make(
    input: StepInput,
    names: string[],
    context: StepContext,
  ): Promise<{ table: TableRef; facts: ReadonlyMap<string, Part['facts']> }>;
  /** Puts all partitions together: nothing but these and the table that was divided decides what comes out. */
  gather(input: StepInput, parts: Part[], context: StepContext): Promise<Gathered>;
}

export interface Gathered {
  table: TableRef;
  rowsIn: number;
  facts?: Record<string, number>;
}
