import { z } from 'zod';
import { GeorefreshError } from '../config/errors.js';

/**
 * A field that two equal runs may differ in: times, attempts, versions, names of runs. All others are equal, byte for
 * byte, between a run and its undisturbed repetition. The mark also stands in the JSON Schema made from here.
 */
const volatile = <T extends z.ZodType>(schema: T): T => schema.meta({ volatile: true });

/** An object that keeps fields it does not know, as newer versions write them; its type is that of the known ones. */
export const loose = <S extends z.ZodRawShape>(shape: S): z.ZodObject<S> =>
  z.looseObject(shape) as unknown as z.ZodObject<S>;

const count = z.number().int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** An object by reference. */
export const artifactSchema = loose({ uri: z.string(), sha256, bytes: count });

const facts = z.record(z.string(), z.union([z.number(), z.string(), z.null()]));

/** A source as it was read, with the metadata of its batch (who reads what, when, how much). */
const sourceSchema = loose({
  name: z.string(),
  uri: z.string(),
  sha256,
  bytes: count,
  rows: count,
  batch: loose({
    /** `20260220_143022`, from the run's logical time: the same batch has the same id however often it is read. */
    batch_id: z.string(),
    source: z.string(),
    ingestion_time: volatile(z.string()),
    record_count: count,
    checksum: sha256.optional(),
  }),
});

const stepSchema = loose({
  id: z.string(),
  stage: z.string(),
  rowsIn: count,
  rowsOut: count,
  /** Digests of what the step read. */
  inputs: z.array(sha256),
  outputs: z.record(z.string(), artifactSchema),
  facts: facts.optional(),
  began: volatile(z.string().optional()),
  ended: volatile(z.string().optional()),
  /** Of work: of partitions that are made side by side the sum. */
  seconds: volatile(z.number().nonnegative()),
  attempts: volatile(count),
  reused: volatile(z.boolean()),
  /** Why it was not reused, in words. */
  why: volatile(z.array(z.string()).optional()),
  /** Of a step made in partitions: how many there are, and how many of them this run made. */
  partitions: volatile(loose({ all: count, made: count }).optional()),
  /** Reuse key. */
  key: sha256.optional(),
});

/** Where a snapshot is and how to check it. */
export const snapshotRefSchema = loose({
  generation: z.number().int().positive(),
  run: volatile(z.string()),
  nonce: volatile(z.string()),
  snapshot: volatile(z.string()),
  manifest: volatile(artifactSchema),
});

/** The manifest of a run: what it read, made, measured and decided. It outlives the engine's history. */
export const manifestSchema = loose({
  version: z.literal(1),
  pipeline: z.string(),
  run: volatile(z.string()),
  outcome: z.string(),
  logicalTime: z.string(),
  trigger: volatile(z.string()),
  sample: z.boolean(),
  /** The definition as it was frozen into the run. */
  definition: artifactSchema.nullable(),
  parameters: z.record(z.string(), z.unknown()),
  sources: z.array(sourceSchema),
  steps: z.array(stepSchema),
  /** Digest of all that decides what is published: where it is that of the published snapshot, nothing has changed. */
  publication: sha256.optional(),
  /** Rows put aside, by rule. */
  quarantine: z.record(z.string(), count),
  /** Totals of the run: records in and out, errors, and how long it took. */
  pipelineMetrics: loose({
    records_in: count,
    records_out: count,
    duration_seconds: volatile(z.number().nonnegative()),
    errors: count,
  }).nullable(),
  /** What metrics.json holds. */
  metrics: z.record(z.string(), z.unknown()).nullable(),
  champion: z.string().nullable(),
  model: loose({ version: z.union([z.string(), z.number()]), sha256 }).nullable(),
  outputs: z.array(
    loose({
      name: z.string(),
      uri: volatile(z.string()),
      rows: count.nullable(),
      // Those of a file named in volatileOutputs (a report tells times) differ between equal runs.
      sha256,
      bytes: count,
    }),
  ),
  /** Outputs, of the snapshot or of a step, whose bytes may differ between equal runs. */
  volatileOutputs: z.array(z.string()),
  error: loose({ code: z.string(), message: z.string() }).nullable(),
  started: volatile(z.string()),
  finished: volatile(z.string()),
  /** Versions of the worker, the engine, Node and the libraries that made the results. */
  versions: volatile(z.record(z.string(), z.string())),
  /** The snapshot that stood before, for going back; null for the first, and for a run that published nothing. */
  predecessor: volatile(snapshotRefSchema.nullable()),
  /** The generation that this snapshot was published as; null for a run that published nothing. */
  generation: volatile(z.number().int().positive().nullable()),
  /** The generation whose content this one has, where it goes back. All above but names and times is told of that one. */
  restored: volatile(snapshotRefSchema.optional()),
});

export type Manifest = z.infer<typeof manifestSchema>;

/** Reads a manifest's bytes: GR-4006 where they are none. Unknown fields of newer versions are kept. */
export function parseManifest(bytes: Uint8Array, name: string): Manifest {
  return parseAs(manifestSchema, bytes, name);
}

/** JSON bytes against a schema: GR-4006 names the file and its first faults. */
export function parseAs<T extends z.ZodType>(schema: T, bytes: Uint8Array, name: string): z.infer<T> {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw new GeorefreshError('GR-4006', `${name} is not JSON`, { where: [{ file: name }], cause: error });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new GeorefreshError('GR-4006', `${name}: ${z.prettifyError(parsed.error)}`, {
    where: [{ file: name }],
    cause: parsed.error,
  });
}

/** The bytes of a state file: keys as they come, two blanks, a line feed at the end. */
export const jsonBytes = (value: unknown): Uint8Array => Buffer.from(`${JSON.stringify(value, null, 2)}\n`, 'utf8');

/** The manifest without its volatile fields, and without what the volatile outputs hold: equal runs have equal ones. */
export function withoutVolatile(manifest: Manifest): unknown {
  const isUnsteady = (name: string): boolean => manifest.volatileOutputs.includes(name);
  const outputs = manifest.outputs.map((output) =>
    isUnsteady(output.name) ? { ...output, sha256: '', bytes: 0 } : output,
  );
  const made = manifest.steps.flatMap((step) => Object.entries(step.outputs));
  const unsteady = new Set(made.filter(([name]) => isUnsteady(name)).map(([, { sha256: digest }]) => digest));
  const steps = manifest.steps.map((step) => ({
    ...step,
    inputs: step.inputs.filter((digest) => !unsteady.has(digest)),
    outputs: mapEntries(step.outputs, (name, output) =>
      isUnsteady(name) ? { ...output, uri: '', sha256: '', bytes: 0 } : output,
    ),
  }));
  return strip(manifestSchema, { ...manifest, outputs, steps });
}

/** Walks value and schema together; what the schema does not know is kept. */
function strip(schema: z.core.$ZodType, value: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable)
    return value == null ? value : strip(schema.unwrap(), value);
  if (schema instanceof z.ZodArray && Array.isArray(value)) return value.map((item) => strip(schema.element, item));
  if (schema instanceof z.ZodRecord)
    return mapEntries(value as Record<string, unknown>, (_, item) => strip(schema.valueType, item));
  if (!(schema instanceof z.ZodObject)) return value;
  const kept: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value as Record<string, unknown>)) {
    const field: z.core.$ZodType | undefined = schema.shape[name];
    if (field === undefined) kept[name] = item;
    else if (!isVolatile(field)) kept[name] = strip(field, item);
  }
  return kept;
}

const mapEntries = <T, U>(record: Record<string, T>, of: (name: string, item: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([name, item]) => [name, of(name, item)]));

function isVolatile(schema: z.core.$ZodType): boolean {
  if (z.globalRegistry.get(schema)?.volatile === true) return true;
  return (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) && isVolatile(schema.unwrap());
}
