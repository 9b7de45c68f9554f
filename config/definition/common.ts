import { z } from 'zod';

const METRES = { m: 1, km: 1000, mi: 1609.344 } as const;

/** A name of a source, table, column or parameter: it becomes an SQL identifier and a file name. */
export const identifier = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,62}$/, 'expected a name of letters, digits and _, beginning with a letter')
  // A mapping by names would find these in every object.
  .refine((name) => !(name in Object.prototype), 'expected another name: this one is reserved');

/** A table by name, with the cut-off it was built for where it has several: `tract_features@train`. */
export const tableName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,62}(@[A-Za-z][A-Za-z0-9_]{0,62})?$/, 'expected a table, or table@cutoff');

/** `5 mi`, `500 m`, `2.5 km`; parsed to metres. */
export const length = z
  .string()
  .regex(/^\d+(\.\d+)?\s*(m|km|mi)$/, 'expected a length such as 5 mi, 500 m or 2.5 km')
  .transform((text) => {
    const unit = /(m|km|mi)$/.exec(text)?.[0] as keyof typeof METRES;
    return Number.parseFloat(text) * METRES[unit];
  });

/** An SQL expression over the columns of one table; `$name` stands for a parameter. */
export const expression = z.string().min(1);

export const scalar = z.union([z.number(), z.string(), z.boolean()]);
export type Scalar = z.infer<typeof scalar>;

/** Text of a file beside the pipeline.yaml; the loader puts its content in the place of its name. */
export const sqlFile = z
  .string()
  .regex(
    /^([a-z][a-z0-9-]{0,40}\/)?[A-Za-z0-9_-]+\.sql$/,
    'expected the name of an .sql file beside the pipeline.yaml, or of another pipeline as pipeline/name.sql',
  );
