import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml';
import type { Fault, Finding, Path } from './faults.js';

/** How often all aliases together may be expanded; hand-written files stay far below. */
const MAX_ALIASES = 100;

/** Where the value is still whole enough to be looked at: such faults are told together with those of the schema. */
const HARMLESS = new Set(['DUPLICATE_KEY']);

export interface YamlText {
  /** Plain data; undefined where the text is no YAML. */
  value: unknown;
  faults: Fault[];
  /** The fault of a finding, at its line and column; where the path ends early, at the last part that exists. */
  locate(finding: Finding): Fault;
}

const isWholeNumber = (source: string): boolean => /^[-+]?\d+$/.test(source);

/** Keys are text as it was written: `null:` is no key without a name, and `01:` stays what a cell of a file says. */
const spellKeys = (document: Document.Parsed): void => {
  visit(document, {
    Pair(_, { key }) {
      if (isScalar(key) && typeof key.value !== 'string') key.value = key.source ?? '';
    },
  });
};

/** Numbers that JavaScript would round without a word. */
const unsafeNumbers = (document: Document.Parsed): { offset: number; text: string }[] => {
  const found: { offset: number; text: string }[] = [];
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value !== 'number' || !isWholeNumber(node.source ?? '') || Number.isSafeInteger(node.value))
        return;
      found.push({ offset: node.range?.[0] ?? 0, text: `${node.source} is too large to be exact; put it in quotes` });
    },
  });
  return found;
};

/** Byte offset of a path's key or value in the text. */
const offsetOf = (document: Document.Parsed, path: Path, at: Finding['at']): number => {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0] ?? 0;
  for (const [depth, part] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
      if (pair === undefined) return offset;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(part)];
      offset = (node as Node | undefined)?.range?.[0] ?? offset;
    } else return offset;
    if (depth === path.length - 1 && at === 'value') offset = (node as Node | null | undefined)?.range?.[0] ?? offset;
  }
  return offset;
};

/**
 * Reads one YAML 1.2 document of the core schema. Never throws: syntax errors, duplicate keys, unknown tags, aliases that
 * multiply without bound and numbers beyond 2^53 are faults with their lines.
 */
export function parseYaml(file: string, text: string): YamlText {
  const lines = new LineCounter();
  const fault = (offset: number, text: string): Fault => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col, text };
  };
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    const problems = [...document.errors, ...document.warnings];
    const faults = problems.map(({ pos, message }) => fault(pos[0], message.replace(/\.$/, '')));
    if (problems.some(({ code }) => !HARMLESS.has(code)))
      return { value: undefined, faults, locate: locateNowhere(file) };
    spellKeys(document);
    faults.push(...unsafeNumbers(document).map(({ offset, text: found }) => fault(offset, found)));
    return {
      value: document.toJS({ maxAliasCount: MAX_ALIASES }),
      faults,
      locate: ({ path, at, text: found }) => fault(offsetOf(document, path, at), found),
    };
  } catch (error) {
    // Aliases without bound or end are a ReferenceError, nesting beyond the stack a RangeError.
    const why = error instanceof RangeError ? 'is nested too deeply' : (error as Error).message;
    return { value: undefined, faults: [{ file, line: 1, column: 1, text: why }], locate: locateNowhere(file) };
  }
}

const locateNowhere =
  (file: string) =>
  (finding: Finding): Fault => ({ file, line: 1, column: 1, text: finding.text });
