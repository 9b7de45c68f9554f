import type { TestProject } from 'vitest/node';
import { resolveBinary } from '../../workers/engine/resolve.js';
import { findModelChecker, type ModelChecker } from './model-checker.js';
import { findObjectServer, type ObjectServer } from './object-server-setup.js';

/** The Temporal CLI that tests start their engines with, or why there is none. */
export type TestEngine = { path: string; server: string } | { missing: string };

declare module 'vitest' {
  interface ProvidedContext {
    engine: TestEngine;
    objectServer: ObjectServer;
    modelChecker: ModelChecker;
  }
}

const say = (message: string): void => {
  process.stderr.write(`georefresh: ${message}\n`);
};

/**
 * Finds the engine, the object server and the model checker once for all tests. They are installed only where npm's test scripts ask for a set-up: somebody who runs
 * one file by hand does not mean to wait for a build.
 */
export default async function setup(project: TestProject): Promise<void> {
  // `all`: of what the long suite alone needs, too.
  const wanted = process.env.GEOREFRESH_SETUP;
  const install = wanted === '1' || wanted === 'all';
  project.provide('engine', await find(install));
  project.provide('objectServer', await findObjectServer(install, say));
  project.provide('modelChecker', await findModelChecker(wanted === 'all', say));
}

async function find(install: boolean): Promise<TestEngine> {
  const log = { info: () => {}, warn: (_: object, message: string) => say(message) };
  const onProgress = ({ seconds, note }: { seconds: number; note: string }): void => {
    if (seconds % 15 === 0) say(`${note} … ${seconds} s`);
  };
  try {
    return await resolveBinary({ log, onProgress, ...(!install && { sources: ['path', 'cache'] as const }) });
  } catch (error) {
    const places = (error as { where?: { note?: string }[] }).where?.map(({ note }) => note);
    return { missing: `no Temporal CLI (${places?.join('; ') ?? String(error)})` };
  }
}
