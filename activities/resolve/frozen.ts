import type { Pipeline } from '../../config/definition/pipeline.js';

/** Where the bytes of a source come from in this run. */
export interface FrozenSource {
  name: string;
  /** `file`: under the inputs folder of the run; `sample`: made by the pipeline's generator; `absent`: optional and not there. */
  from: 'file' | 'sample' | 'absent';
  /** Relative to the inputs folder. */
  path: string;
  /** Of a sample: digest of the code that generates it. */
  generator?: string;
}

/**
 * A definition as a run uses it from beginning to end: overrides applied, SQL in place, sources found. It is kept as an
 * artifact, so its JSON holds nothing that differs between two runs of the same definition.
 */
export interface FrozenDefinition {
  /** Each `sql` holds the text of its file. What says when it is refreshed is left out: it changes nothing of what is made. */
  pipeline: Pipeline;
  sources: FrozenSource[];
}
