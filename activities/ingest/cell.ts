import { quoteIdent } from '../../lake/sql.js';

/** A cell as it came, beside the typed column; no name of a column can look like it. */
export const cellName = (column: string): string => quoteIdent(`cell:${column}`);
