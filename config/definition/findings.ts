import type { Finding, Path } from '../documents/faults.js';
import { meant } from '../documents/nearest.js';
import { scanSql } from './parameters.js';

/** Collects findings; `at` is the value unless said otherwise. */
export class Findings {
  readonly list: Finding[] = [];

  add(path: Path, text: string | undefined, at: Finding['at'] = 'value'): void {
    if (text !== undefined) this.list.push({ path, at, text });
  }

  /** A name that must be among those known. */
  expectKnown(path: Path, kind: string, name: string, known: readonly string[]): boolean {
    const isKnown = known.includes(name);
    if (!isKnown)
      this.add(
        path,
        `no ${kind} \`${name}\`${meant(name, known) || (known.length > 0 ? `; there are ${known.join(', ')}` : '')}`,
      );
    return isKnown;
  }
}

/** What is wrong with the parameters and the form of an SQL text. */
export function sqlFaults(sql: string, parameters: readonly string[]): { offset: number; text: string }[] {
  return scanSql(sql).flatMap(({ kind, name, offset }) => {
    if (kind === 'second statement') return [{ offset, text: 'expected one statement; another follows this ;' }];
    if (kind === 'unfinished') return [{ offset, text: `what begins with ${name} does not end` }];
    if (kind === 'positional') return [{ offset, text: `parameters have names; found ${name}` }];
    if (parameters.includes(name)) return [];
    return [{ offset, text: `no parameter \`$${name}\`${meant(name, parameters)}` }];
  });
}
