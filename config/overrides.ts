import type { Scalar } from './definition/common.js';
import type { Pipeline } from './definition/pipeline.js';
import { meant } from './documents/nearest.js';
import { describeValue } from './documents/words.js';
import { GeorefreshError } from './errors.js';

type Holder = Record<string, unknown>;

/** What can be overridden: parameters by name, and what the candidates' learners are given, by `candidates.<name>.<key>`. */
const slotsOf = (pipeline: Pipeline): Map<string, { holder: Holder; key: string }> => {
  const slots = new Map<string, { holder: Holder; key: string }>();
  for (const key of Object.keys(pipeline.parameters)) slots.set(key, { holder: pipeline.parameters, key });
  // Another learner is another candidate; lists and mappings have no form on a command line.
  for (const [name, candidate] of Object.entries(pipeline.train?.candidates ?? {}))
    for (const [key, value] of Object.entries(candidate))
      if (key !== 'learner' && ['number', 'string', 'boolean'].includes(typeof value))
        slots.set(`candidates.${name}.${key}`, { holder: candidate, key });
  return slots;
};

const KINDS: Record<string, string> = { number: 'a number', string: 'text', boolean: 'true or false' };

/** The value in the type of the one it replaces; words of a command line are read as numbers and truths. */
const convert = (value: Scalar, type: string): Scalar | undefined => {
  if (typeof value === type) return typeof value === 'number' && !Number.isFinite(value) ? undefined : value;
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : undefined;
  // Number('') is 0 and Number('0x10') 16; neither was meant. Whole numbers beyond 2^53 would be rounded.
  if (type !== 'number' || !/^[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/i.test(text)) return undefined;
  const number = Number(text);
  return Number.isFinite(number) && (!/^[-+]?\d+$/.test(text) || Number.isSafeInteger(number)) ? number : undefined;
};

/**
 * A copy of a pipeline with some declared parameters replaced, each by a value of the same type: `cut`, or
 * `candidates.ridge.alpha` for what a candidate is given. Cut-offs that set a parameter themselves keep their value.
 * All faults come in one GR-1004.
 */
export function applyOverrides(pipeline: Pipeline, overrides: Readonly<Record<string, Scalar>>): Pipeline {
  const patched = structuredClone(pipeline);
  const slots = slotsOf(patched);
  const faults: string[] = [];
  for (const [name, value] of Object.entries(overrides)) {
    const slot = slots.get(name);
    if (slot === undefined) {
      const known = [...slots.keys()];
      faults.push(
        `no parameter \`${name}\`${meant(name, known) || (known.length > 0 ? `; there are ${known.join(', ')}` : '')}`,
      );
      continue;
    }
    const type = typeof slot.holder[slot.key];
    const converted = convert(value, type);
    if (converted === undefined)
      faults.push(`\`${name}\`: expected ${KINDS[type] ?? type}; found ${describeValue(value)}`);
    else slot.holder[slot.key] = converted;
  }
  if (faults.length > 0)
    throw new GeorefreshError('GR-1004', faults.join('\n  '), { where: faults.map((note) => ({ note })) });
  return patched;
}
