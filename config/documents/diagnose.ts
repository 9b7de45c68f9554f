import type { z } from 'zod';
import type { Finding, Path } from './faults.js';
import { type Look, look, type Mend, valueAt } from './look.js';
import { isRecord } from './shape.js';

/** Each round mends what the one before guessed, so the depth of nesting bounds the rounds that are of use. */
const MAX_ROUNDS = 12;

const apply = ({ path, key, value, from }: Mend, document: unknown): void => {
  const holder = valueAt(document, path);
  if (!isRecord(holder)) return;
  if (from !== undefined) delete holder[from];
  holder[key] = value;
};

/**
 * Everything that is wrong with a value by a schema, each with its path in the value. A misspelt key is guessed and the
 * value looked at again as if it were mended, so that faults below it are told in the same go; the value itself stays.
 */
export function diagnose(schema: z.core.$ZodType, value: unknown): Finding[] {
  const mended = structuredClone(value);
  const told: Finding[] = [];
  const original = new Map<string, string>();
  /** A path in the mended value, in the words of the document. */
  const asWritten = (path: Path): Path =>
    path.map((part, depth) => original.get(JSON.stringify(path.slice(0, depth + 1))) ?? part);
  for (let round = 0; ; round++) {
    const out: Look = { findings: [], guesses: [] };
    look(schema, mended, [], [], out);
    const last = out.guesses.length === 0 || round === MAX_ROUNDS;
    // What is no guess shows up again in the next round; only the last one tells it.
    const now = last
      ? [...out.guesses.map(({ finding }) => finding), ...out.findings]
      : out.guesses.map(({ finding }) => finding);
    told.push(...now.map((finding) => ({ ...finding, path: asWritten(finding.path) })));
    if (last) return told;
    for (const { mend } of out.guesses) {
      apply(mend, mended);
      if (mend.from !== undefined) original.set(JSON.stringify([...mend.path, mend.key]), mend.from);
    }
  }
}
