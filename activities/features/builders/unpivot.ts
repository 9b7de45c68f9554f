import type { z } from 'zod';
import type { unpivot as schema } from '../../../config/definition/series.js';
import { quoteIdent, quoteLiteral } from '../../../lake/sql.js';

/** A SELECT over `self` with a row for each of its columns but those kept; columns that begin with `_` are no data. */
export function unpivotQuery({ keep, columns = '.*', name, value }: z.output<typeof schema>): string {
  const kept = keep.map(quoteIdent).join(', ');
  const chosen = `${[...keep, '_row'].map((one) => `c <> ${quoteLiteral(one)}`).join(' and ')} and regexp_full_match(c, ${quoteLiteral(columns)})`;
  return `select ${kept}, ${quoteIdent(name)}, ${quoteIdent(value)} from (
    unpivot (select ${kept}, columns(c -> ${chosen}) from self)
    on columns(* exclude (${kept})) into name ${quoteIdent(name)} value ${quoteIdent(value)})`;
}
