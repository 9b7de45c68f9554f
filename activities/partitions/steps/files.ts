import { isGlob, type Source } from '../../../config/definition/source.js';
import { reuseKey } from '../../../lake/reuse.js';
import type { Artifact, CallOptions } from '../../../lake/types.js';
import { type Deps, definitionOf } from '../../deps.js';
import { recipeOf } from '../../resolve/ingredients.js';
import { ingredientsOf } from '../../reuse.js';
import type { StepInput } from '../../types.js';
import type { Part } from '../ledger.js';
import { fromShelf, ontoShelf } from './shelf.js';

/** A file of a source: its path under the inputs, and what its bytes are. */
export type NamedFile = Pick<Artifact, 'sha256'> & { name: string };

/** What a step made of the files of a source, one by one: the files are the partitions of what it reads. */
export interface FileShelf {
  find(file: NamedFile): Part | undefined;
  /** Puts what was made of all files of this run on the shelf. */
  put(parts: readonly (readonly [file: NamedFile, part: Part])[]): Promise<void>;
}

/** The shelf of a step that reads a source of several files; undefined for one that is a single file, or never reused. */
export async function shelfOfFiles(
  deps: Deps,
  input: StepInput,
  source: Source,
  options: CallOptions,
): Promise<FileShelf | undefined> {
  const recipe = recipeOf(await definitionOf(deps.lake, input), input.step);
  if (recipe === undefined || !isGlob(source)) return undefined;
  const base = await ingredientsOf(deps, input.step.id, recipe, {});
  const parts = await fromShelf(deps, input.header, base, options);
  const keyOf = ({ name, sha256 }: NamedFile): string => reuseKey({ ...base, inputs: { file: name, bytes: sha256 } });
  return {
    find: (file) => parts.get(keyOf(file)),
    put: (made) =>
      ontoShelf(deps, input.header.pipeline, base, new Map(made.map(([file, part]) => [keyOf(file), part])), options),
  };
}
