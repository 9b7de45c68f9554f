import { quoteIdent, quoteLiteral } from '../../lake/sql.js';

/** A cell as it came, beside the typed column; no name of a column can look like it. */
export const cellName = (column: string): string => quoteIdent(`cell:${column}`);

/** The path of a key of a JSON object, as SQL text. As a path a star would be all of them, even in quotes; as a pointer it is one. */
export const jsonPath = (key: string): string =>
  key === '*' ? quoteLiteral('/*') : quoteLiteral(`$."${key.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`);
