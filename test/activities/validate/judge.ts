import type { ContractColumn, RecordSource } from '../../../config/definition/source.js';

/** A contract read once more, row by row in plain JavaScript: what the SQL is held against. */
export interface Judged {
  /** The first rule that each row breaks, or null; rows count from 1. */
  rules: (string | null)[];
  reasons: (string | null)[];
}

type Value = string | number | boolean | null;

/** `undefined`: the cell is no value of the type. */
function read(cell: string, { type, pad, map }: ContractColumn): Value | undefined {
  const padded = pad === undefined ? cell : cell.padStart(pad, '0');
  const mapped = map === undefined ? padded : String(map[padded]);
  if (type === 'text') return mapped;
  const blank = /^[ \t\n\f\r]*|[ \t\n\f\r]*$/g;
  const text = mapped.replace(blank, '');
  if (type === 'integer') {
    const value = Number(text);
    return /^[+-]?\d+(\.0*)?$/.test(text) && Math.abs(value) <= Number.MAX_SAFE_INTEGER ? value : undefined;
  }
  if (type === 'double') {
    const value = Number(text);
    return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) && Number.isFinite(value) ? value : undefined;
  }
  throw new Error(`the judge does not read ${type}`);
}

/** What a reason shows of a cell: its first 80 characters (code points, as SQL counts them). */
const shown = (cell: string, personal: boolean): string =>
  personal ? 'its value' : Array.from(cell).slice(0, 80).join('');

function broken(
  column: string,
  rules: ContractColumn,
  cell: string | null,
): { rule: string; reason: string } | undefined {
  const fault = (kind: string, reason: string) => ({ rule: `${column}.${kind}`, reason: `${column}: ${reason}` });
  if (cell === null) return rules.required ? fault('required', 'no value') : undefined;
  const it = shown(cell, rules.personal);
  const padded = rules.pad === undefined ? cell : cell.padStart(rules.pad, '0');
  if (rules.map !== undefined && !Object.hasOwn(rules.map, padded))
    return fault('map', `${it} is none of the values known`);
  const value = read(cell, rules);
  if (value === undefined) return fault('type', `${it} is not of type ${rules.type}`);
  if (rules.pattern !== undefined && !new RegExp(`^(?:${rules.pattern})$`, 'u').test(String(value)))
    return fault('pattern', `${it} does not match ${rules.pattern}`);
  if (rules.min !== undefined && (value as number) < rules.min) return fault('min', `${it} is below ${rules.min}`);
  if (rules.max !== undefined && (value as number) > rules.max) return fault('max', `${it} is above ${rules.max}`);
  const among = (list: readonly (string | number)[]): boolean =>
    list.some((one) => (rules.type === 'text' ? String(one) : Number(one)) === value);
  if (rules.allowed !== undefined && !among(rules.allowed))
    return fault('allowed', `${it} is not one of ${rules.allowed.join(', ')}`);
  if (rules.forbidden !== undefined && among(rules.forbidden)) return fault('forbidden', `${it} is not allowed`);
  return undefined;
}

/** Judges records of cells by column name. */
export function judgeRows(source: RecordSource, records: readonly Record<string, string>[]): Judged {
  const contract = Object.entries(source.columns);
  const cellOf = (record: Record<string, string>, [column, { from = column }]: (typeof contract)[number]) => {
    const cell = record[from] ?? '';
    return source.nulls.includes(cell) ? null : cell;
  };
  const faults = records.map((record) => {
    for (const entry of contract) {
      const fault = broken(entry[0], entry[1], cellOf(record, entry));
      if (fault !== undefined) return fault;
    }
    return null;
  });
  for (const entry of contract) {
    const [column, rules] = entry;
    if (!rules.unique) continue;
    const first = new Map<Value, number>();
    for (const [i, record] of records.entries()) {
      const cell = cellOf(record, entry);
      if (faults[i] !== null || cell === null) continue;
      const value = read(cell, rules) as Value;
      const row = first.get(value);
      if (row === undefined) first.set(value, i + 1);
      else
        faults[i] = {
          rule: `${column}.unique`,
          reason: `${column}: ${shown(asText(value, rules), rules.personal)} stands in row ${row} already`,
        };
    }
  }
  return { rules: faults.map((fault) => fault?.rule ?? null), reasons: faults.map((fault) => fault?.reason ?? null) };
}

/** A value as the engine's cast to text writes it; doubles are compared by rule alone. */
const asText = (value: Value, { type }: ContractColumn): string =>
  type === 'double' ? '' : typeof value === 'number' ? BigInt(value).toString() : String(value);
