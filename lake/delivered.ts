import { z } from 'zod';
import { keyOf } from './keys.js';
import { jsonBytes, loose, parseAs } from './manifest.js';
import type { CallOptions, ObjectStore } from './types.js';

const count = z.number().int().nonnegative();

/** What was last delivered to a place outside the lake. The place itself knows better: this is for people. */
const deliveredSchema = loose({
  version: z.literal(1),
  pipeline: z.string(),
  to: z.literal('postgres'),
  generation: count,
  run: z.string(),
  logicalTime: z.string(),
  /** When it was found to be there, ISO 8601. */
  at: z.string(),
  tables: z.array(loose({ output: z.string(), table: z.string(), rows: count })),
});

export type Delivered = z.infer<typeof deliveredSchema>;

const placeOf = (pipeline: string): string => keyOf('lake', pipeline, 'state', 'delivered.json');

/** GR-4006 where it is damaged; undefined where nothing was delivered yet. */
export async function readDelivered(
  store: ObjectStore,
  pipeline: string,
  options: CallOptions = {},
): Promise<Delivered | undefined> {
  const found = await store.read(placeOf(pipeline), options);
  return found && parseAs(deliveredSchema, found.value, placeOf(pipeline));
}

/** Notes a delivery. One that somebody else noted meanwhile stands: the next delivery will say it again. */
export async function noteDelivered(
  store: ObjectStore,
  delivered: Omit<Delivered, 'version' | 'to'>,
  options: CallOptions = {},
): Promise<void> {
  const key = placeOf(delivered.pipeline);
  const before = await store.read(key, options);
  await store.swap(key, jsonBytes({ version: 1, to: 'postgres', ...delivered }), before?.version, options);
}
