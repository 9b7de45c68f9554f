/** A named parameter of an SQL text, or a flaw of the text itself. Offsets count UTF-16 units from 0. */
export interface SqlToken {
  kind: 'parameter' | 'positional' | 'second statement' | 'unfinished';
  name: string;
  offset: number;
}

/**
 * One token of DuckDB's SQL at a time, longest skippable first: comments, strings ('' doubles a quote, E'' has
 * escapes), quoted identifiers, dollar-quoted strings, words (so that the $ in a$b starts nothing), parameters.
 */
const TOKEN =
  /--[^\n]*|\/\*|[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(?<tag>[A-Za-z_][A-Za-z0-9_]*)?\$|\$(?<name>[A-Za-z_][A-Za-z0-9_]*)|\$(?<number>\d+)|[A-Za-z_][A-Za-z0-9_$]*|[?;'"]|\s+|[\s\S]/y;

/** End of a block comment, which nests in SQL; -1 where it has none. */
const endOfComment = (sql: string, start: number): number => {
  let depth = 0;
  for (let i = start; i < sql.length - 1; i++) {
    const two = sql.slice(i, i + 2);
    if (two === '/*') depth++;
    else if (two === '*/' && --depth === 0) return i + 2;
    else continue;
    i++;
  }
  return -1;
};

/** The parameters of an SQL text or expression in order, and what no text of ours may have: `?`, `$1`, a second statement. */
export function scanSql(sql: string): SqlToken[] {
  const found: SqlToken[] = [];
  const token = new RegExp(TOKEN);
  let semicolon = -1;
  for (let match = token.exec(sql); match !== null; match = token.exec(sql)) {
    const [text] = match;
    const { tag, name, number } = match.groups ?? {};
    const offset = match.index;
    const isBlank = text.trim() === '' || text.startsWith('--') || text === '/*';
    if (semicolon >= 0 && !isBlank) return [...found, { kind: 'second statement', name: ';', offset: semicolon }];
    if (text === '/*' || (text.startsWith('$') && text.endsWith('$') && text.length > 1)) {
      const end = text === '/*' ? endOfComment(sql, offset) : sql.indexOf(`$${tag ?? ''}$`, token.lastIndex);
      if (end < 0) return [...found, { kind: 'unfinished', name: text, offset }];
      token.lastIndex = text === '/*' ? end : end + text.length;
    } else if (name !== undefined) found.push({ kind: 'parameter', name, offset });
    else if (number !== undefined || text === '?') found.push({ kind: 'positional', name: text, offset });
    else if (text === "'" || text === '"') return [...found, { kind: 'unfinished', name: text, offset }];
    else if (text === ';') semicolon = offset;
  }
  return found;
}

/** Names of the parameters that an SQL text or expression uses, each once, in order of first use. */
export function parametersOf(sql: string): string[] {
  return [...new Set(scanSql(sql).flatMap(({ kind, name }) => (kind === 'parameter' ? [name] : [])))];
}
