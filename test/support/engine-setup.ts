import type { TestProject } from 'vitest/node';
import { resolveBinary } from '../../workers/engine/resolve.js';

/** The Temporal CLI that tests start their engines with, or why there is none. */
export type TestEngine = { path: string; server: string } | { missing: string };

declare module 'vitest' {
  interface ProvidedContext {
    engine: TestEngine;
  }
}

const say = (message: string): void => {
  process.stderr.write(`georefresh: ${message}\n`);
};

/**
 * Finds the engine once for all tests. It is installed only where npm's test scripts ask for a set-up: somebody who runs
 * one file by hand does not mean to wait for a build.
 */
export default async function setup(project: TestProject): Promise<void> {
  const install = process.env.GEOREFRESH_SETUP === '1';
  project.provide('engine', await find(install));
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
