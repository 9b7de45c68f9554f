import { fetchJson } from './artifacts.js';
import type { Manifest } from './manifest.js';
import type { Artifact, CallOptions, ObjectStore } from './types.js';

/** One of the files that a source of several was read from. */
export interface BatchFile extends Artifact {
  /** Path under the inputs. */
  name: string;
  rows: number;
}

/** The files of a source in the order in which they are read; an artifact of its own where there may be several. */
export interface Batch {
  version: 1;
  files: BatchFile[];
}

export const readBatch = (store: ObjectStore, ref: Artifact, options: CallOptions = {}): Promise<Batch> =>
  fetchJson<Batch>(store, ref, options);

/** The batches that a run has read: of each source that may be several files. */
export const batchesOf = ({ steps }: Pick<Manifest, 'steps'>): Artifact[] =>
  steps
    .filter(({ stage, facts }) => stage === 'ingest' && facts?.files !== undefined)
    .flatMap(({ outputs }) =>
      Object.entries(outputs).filter(([name, { uri }]) => name.startsWith('raw:') && uri.endsWith('.json')),
    )
    .map(([, ref]) => ref);
