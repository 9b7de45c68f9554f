import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, inject, test } from 'vitest';
import { postgresPrograms } from './postgres.js';
import { clockLibrary } from './wrong-clock.js';

/** Real things that some tests need: the real files, the Temporal CLI, an S3 server (versitygw), PostgreSQL, TLC with its Java, clocks that are wrong. */
export type Need = 'data' | 'engine' | 'store' | 'postgres' | 'tla' | 'clock';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The folder of the real files, laid out by pipeline. */
export const dataFolder = (): string => resolve(ROOT, process.env.GEOREFRESH_TEST_DATA || '../shared/data');

/** The Temporal CLI to start engines with. Only for tests that need('engine'). */
export function engineBinary(): { path: string; server: string } {
  const engine = inject('engine');
  if ('missing' in engine) throw new Error(engine.missing);
  return engine;
}

/** The S3 server to start. Only for tests that need('store'). */
export function objectServerBinary(): string {
  const server = inject('objectServer');
  if ('missing' in server) throw new Error(server.missing);
  return server.path;
}

/** The model checker to run. Only for tests that need('tla'). */
export function modelChecker(): { java: string; jar: string } {
  const checker = inject('modelChecker');
  if ('missing' in checker) throw new Error(checker.missing);
  return checker;
}

/** Why a thing is not there, or undefined. */
const LOOK: Record<Need, () => string | undefined> = {
  data: () => (existsSync(join(dataFolder(), 'ev_sites')) ? undefined : 'no real files (GEOREFRESH_TEST_DATA)'),
  engine: () => {
    const engine = inject('engine');
    return 'missing' in engine ? engine.missing : undefined;
  },
  store: () => {
    const server = inject('objectServer');
    return 'missing' in server ? server.missing : undefined;
  },
  postgres: () => (postgresPrograms() === undefined ? 'no PostgreSQL (apt-get install postgresql)' : undefined),
  clock: () => (clockLibrary() === undefined ? 'no libfaketime (apt-get install faketime)' : undefined),
  tla: () => {
    const checker = inject('modelChecker');
    return 'missing' in checker ? checker.missing : undefined;
  },
};

/** Things whose absence is a failure: GEOREFRESH_REQUIRE=data,engine. */
const required = (): string[] => (process.env.GEOREFRESH_REQUIRE ?? '').split(',').map((name) => name.trim());

export interface Needed {
  describe(name: string, body: () => void): void;
  test(name: string, body: () => void | Promise<void>, timeoutMs?: number): void;
  /** Why tests are skipped, or undefined where all is there. */
  missing?: string;
}

/**
 * `needs('engine').describe(...)`: as vitest's own where the things are there. Where one is missing the tests are skipped
 * with the reason in their name, or fail with it if GEOREFRESH_REQUIRE names it.
 */
export function needs(...things: Need[]): Needed {
  const absent = things.flatMap((need) => {
    const reason = LOOK[need]();
    return reason === undefined ? [] : [{ need, reason }];
  });
  if (absent.length === 0) {
    return {
      describe: (name, body) => void describe(name, body),
      test: (name, body, timeoutMs) => test(name, body, timeoutMs),
    };
  }
  const missing = absent.map(({ reason }) => reason).join('; ');
  if (absent.some(({ need }) => required().includes(need))) {
    const fail = (name: string): void =>
      test(name, () => {
        throw new Error(`GEOREFRESH_REQUIRE=${process.env.GEOREFRESH_REQUIRE}, but there is ${missing}`);
      });
    return { missing, describe: fail, test: fail };
  }
  const because = (name: string): string => `${name} [skipped: ${missing}]`;
  return {
    missing,
    describe: (name, body) => void describe.skip(because(name), body),
    test: (name, body, timeoutMs) => test.skip(because(name), body, timeoutMs),
  };
}
