import type { Findings } from './findings.js';
import { sqlFaults } from './findings.js';
import type { Source } from './source.js';

/** Names that the contract of a source speaks of; SQL is looked at when there are rows to ask. */
export function checkContract(
  name: string,
  source: Source,
  columns: readonly string[],
  sources: Readonly<Record<string, Source>>,
  out: Findings,
): void {
  const at = ['sources', name];
  const others = Object.keys(sources).filter((other) => other !== name);
  const expectColumns = (path: (string | number)[], named: readonly string[], known = columns): void => {
    for (const [i, column] of named.entries()) out.expectKnown([...at, ...path, i], 'column', column, known);
  };
  for (const [rule, { check }] of Object.entries(source.rules))
    for (const { text } of sqlFaults(check, [])) out.add([...at, 'rules', rule, 'check'], text);
  for (const [rule, { columns: named }] of Object.entries(source.keys)) expectColumns(['keys', rule], named);
  for (const [rule, { columns: own, source: other, to }] of Object.entries(source.references)) {
    const path = ['references', rule];
    expectColumns([...path, 'columns'], own);
    if (own.length !== to.length)
      out.add([...at, ...path, 'to'], `expected as many columns as \`columns\` has: ${own.length}; found ${to.length}`);
    if (out.expectKnown([...at, ...path, 'source'], 'source', other, others))
      expectColumns([...path, 'to'], to, ['id', ...Object.keys(sources[other]?.columns ?? {})]);
  }
  for (const [rule, { uses, broken }] of Object.entries(source.across)) {
    for (const [i, other] of uses.entries())
      out.expectKnown([...at, 'across', rule, 'uses', i], 'source', other, others);
    for (const { text } of sqlFaults(broken, [])) out.add([...at, 'across', rule, 'broken'], text);
  }
  for (const [rule, { column, by }] of Object.entries(source.anomalies)) {
    out.expectKnown([...at, 'anomalies', rule, 'column'], 'column', column, columns);
    expectColumns(['anomalies', rule, 'by'], by);
  }
  const named = new Map<string, string>();
  for (const part of ['rules', 'keys', 'references', 'across', 'anomalies'] as const)
    for (const rule of Object.keys(source[part])) {
      const first = named.get(rule);
      if (first === undefined) named.set(rule, part);
      else out.add([...at, part, rule], `\`${rule}\` is the name of a rule under \`${first}\` already`, 'key');
    }
  checkCells(at, source, out);
  const { freshness } = source;
  if (freshness === undefined) return;
  const path = [...at, 'freshness', 'column'];
  if (!out.expectKnown(path, 'column', freshness.column, columns)) return;
  const type = source.columns[freshness.column]?.type;
  if (type !== 'timestamp' && type !== 'date')
    out.add(path, `column \`${freshness.column}\` is of type ${type ?? 'text'}, not a time`);
}

/** Cells of a file go by names without case, and what a cell is held against must be of its type. */
function checkCells(at: readonly string[], source: Source, out: Findings): void {
  const from = new Map<string, string>();
  for (const [column, rules] of Object.entries(source.columns)) {
    const path = [...at, 'columns', column];
    const cell = rules.from ?? column;
    const first = from.get(cell.toLowerCase());
    if (first === undefined) from.set(cell.toLowerCase(), cell);
    else if (first !== cell)
      out.add(
        [...path, ...(rules.from === undefined ? [] : ['from'])],
        `\`${cell}\` and \`${first}\` are one name to SQL`,
      );
    for (const key of ['allowed', 'forbidden'] as const) {
      const wrong = isNumber(rules.type) ? rules[key]?.find((value) => !isNumeral(value)) : undefined;
      if (wrong !== undefined) out.add([...path, key], `\`${wrong}\` is not of type ${rules.type}`);
    }
    if (rules.zone !== undefined && rules.formats?.some((format) => /%z/i.test(format)))
      out.add([...path, 'zone'], 'a time whose format has %z names its own zone');
  }
  if ('crossing' in source) return;
  const { delimiter, quote } = source;
  for (const [key, mark] of Object.entries({ delimiter, quote }))
    if (/[\0\r\n]/.test(mark)) out.add([...at, key], 'expected a character that ends no line');
  if (delimiter === quote) out.add([...at, 'quote'], 'expected another character than the delimiter');
}

const isNumber = (type: string): boolean => type === 'integer' || type === 'double';
const isNumeral = (value: string | number): boolean => String(value).trim() !== '' && Number.isFinite(Number(value));
