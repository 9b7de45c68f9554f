import { createHash } from 'node:crypto';
import { isAbsolute, join, relative, sep } from 'node:path';
import type { Pipeline } from '../config/definition/pipeline.js';
import { signalsOf } from '../config/definition/timing.js';
import { codeOf } from '../config/errors.js';
import { listPipelines, loadPipeline, type PipelinePlaces } from '../config/load.js';
import { resolveSources } from '../config/sources.js';
import type { SignalPacing } from '../workflows/messages.js';

/** The files of a pipeline's sources as they are now. */
export interface SourcesSeen {
  pipeline: string;
  pacing: SignalPacing;
  /** Absolute paths below the inputs folder, also of files that are not there. */
  paths: string[];
  /** Digest of names, sizes and times of change; undefined while a required file is missing or cannot be read. */
  state: string | undefined;
}

/** A pipeline that cannot be looked at, and why. */
export interface Unwatched {
  pipeline: string;
  fault: unknown;
}

/**
 * Looks at the sources of every pipeline below `inputs`, never into a file. Definitions are read anew each time, so one
 * that is added is looked after without a restart, and one that is wrong keeps nobody from the others.
 */
export async function lookAtSources(
  places: PipelinePlaces & { home: string },
  inputs: string,
): Promise<(SourcesSeen | Unwatched)[]> {
  const pipelines = await listPipelines(places);
  return Promise.all(
    pipelines.map(async ({ name }): Promise<SourcesSeen | Unwatched> => {
      try {
        const { pipeline } = await loadPipeline(name, places);
        const paths = Object.values(pipeline.sources).map(({ uri }) => join(inputs, uri));
        return {
          pipeline: name,
          pacing: signalsOf(pipeline),
          paths: paths.filter((path) => isBelow(inputs, path)),
          state: await stateOf(pipeline, places.home, inputs),
        };
      } catch (fault) {
        return { pipeline: name, fault };
      }
    }),
  );
}

const isBelow = (folder: string, path: string): boolean => {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
};

/** Data that a refresh would refuse are no news yet: the missing file may be on its way. */
const NOT_YET = new Set(['GR-2001', 'GR-2002']);

async function stateOf(pipeline: Pipeline, home: string, inputs: string): Promise<string | undefined> {
  try {
    const { sources } = await resolveSources(pipeline, { home, inputs });
    const told = sources.map(({ name, bytes, mtimeMs }) => [name, bytes, mtimeMs]);
    return createHash('sha256').update(JSON.stringify(told)).digest('hex').slice(0, 32);
  } catch (error) {
    if (NOT_YET.has(codeOf(error))) return undefined;
    throw error;
  }
}
