import { z } from 'zod';

/** A column by which a table is divided: by its values, or by the stretch of the calendar that a time of it lies in. */
export interface PartitionColumn {
  column: string;
  part?: 'day' | 'month' | 'year';
}

/** `state`, `[ba, month(ts)]`: rows lie together where all of these are equal. */
export const partition = z
  .union([z.string(), z.array(z.string()).min(1)])
  .transform((given, context): PartitionColumn[] => {
    const texts = Array.isArray(given) ? given : [given];
    return texts.map((text, i) => {
      const [, part, inner, plain] =
        /^(?:(day|month|year)\(([A-Za-z][A-Za-z0-9_]{0,62})\)|([A-Za-z][A-Za-z0-9_]{0,62}))$/.exec(text) ?? [];
      const column = inner ?? plain;
      if (column === undefined) {
        context.addIssue({
          code: 'custom',
          message: 'expected a column, or day, month or year of one, such as month(ts)',
          path: Array.isArray(given) ? [i] : [],
        });
        return z.NEVER;
      }
      return { column, ...(part !== undefined && { part: part as NonNullable<PartitionColumn['part']> }) };
    });
  });

/** As it is written in a definition. */
export const shownPartition = (by: readonly PartitionColumn[]): string =>
  by.map(({ column, part }) => (part === undefined ? column : `${part}(${column})`)).join(', ');
