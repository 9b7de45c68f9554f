import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/home.js';
import { type Checked, check } from '../support/model-checker.js';
import { modelChecker, needs } from '../support/needs.js';

const SPEC = fileURLToPath(new URL('Publishing.tla', import.meta.url));
const LIMIT_MS = 5 * 60_000;

interface Cast {
  runs?: string[];
  collections?: string[];
  rollbacks?: string[];
  /** Those of whom another attempt may begin while the first is still at work. */
  doubles?: string[];
}

const setOf = (names: readonly string[] = []): string => `{${names.join(', ')}}`;

const configOf = (mode: string, { runs, collections, rollbacks, doubles }: Cast): string => `CONSTANTS
  Runs = ${setOf(runs)}
  Collections = ${setOf(collections)}
  Rollbacks = ${setOf(rollbacks)}
  Contents = {one, two}
  Doubles = ${setOf(doubles)}
  Mode = "${mode}"
SPECIFICATION Spec
INVARIANTS Whole OneWinner Once ToldTruly
SYMMETRY Symmetry
`;

needs('tla').describe('the protocol of runs, collections and rollbacks, in every order of its steps', () => {
  const told: string[] = [];
  afterAll(() => void process.stdout.write(`\nTLC:\n${told.join('\n')}\n`));

  const checked = async (what: string, mode: string, cast: Cast): Promise<Checked> => {
    const folder = await temporaryFolder('tla');
    await writeFile(join(folder, 'checked.cfg'), configOf(mode, cast));
    const result = await check(
      modelChecker(),
      folder,
      { spec: SPEC, config: 'checked.cfg' },
      AbortSignal.timeout(LIMIT_MS),
    );
    const end = result.violated === undefined ? 'all hold' : `${result.violated} fails after ${result.steps} states`;
    told.push(`  ${what.padEnd(44)}${String(result.states).padStart(8)} states, ${end}`);
    return result;
  };

  describe('as the lake has it: whole, one winner, published once, told truly (P2–P5, I1–I6)', () => {
    test.each<[string, Cast]>([
      [
        'a run, a collection tried again, a rollback',
        { runs: ['x'], collections: ['y'], rollbacks: ['z'], doubles: ['y'] },
      ],
      ['a run and a collection, both tried again', { runs: ['x'], collections: ['y'], doubles: ['x', 'y'] }],
      ['two runs and a collection tried again', { runs: ['x', 'y'], collections: ['z'], doubles: ['z'] }],
      ['two runs, one tried again, and a rollback', { runs: ['x', 'y'], rollbacks: ['z'], doubles: ['x'] }],
    ])('%s', { timeout: LIMIT_MS }, async (what, cast) => {
      const { violated, states, said } = await checked(what, 'epochs', cast);
      expect(violated, said).toBeUndefined();
      expect(states).toBeGreaterThan(1000);
    });
  });

  describe('broken on purpose, is found to be so', () => {
    test.each<[string, string, Cast, string]>([
      ['mark and sweep without epochs', 'sweep', { runs: ['x'], collections: ['y'] }, 'Whole'],
      ['a pointer told by its content', 'etag', { runs: ['x'], rollbacks: ['z'] }, 'OneWinner'],
      [
        'a collection that looks anew when retried',
        'anew',
        { runs: ['x', 'y'], collections: ['z'], doubles: ['z'] },
        'Whole',
      ],
    ])('%s', { timeout: LIMIT_MS }, async (what, mode, cast, invariant) => {
      const { violated, said } = await checked(what, mode, cast);
      expect(violated, said).toBe(invariant);
    });
  });
});
