import { readCurrent } from '../../../lake/current.js';
import type { Pointer } from '../../../lake/pointer.js';
import type { CallOptions } from '../../../lake/types.js';
import { isWhole } from '../../../lake/whole.js';
import type { Deps } from '../../deps.js';
import { publicationOf } from '../../reuse.js';
import type { Plan, ResolveInput } from '../../types.js';
import type { FrozenDefinition } from '../frozen.js';
import { recipeOf } from '../ingredients.js';

/** Whether what this run would publish is held back: then nothing is made for it. What would be made can still be planned. */
export const isHeld = ({ only, dry = false }: ResolveInput, pointer: Pointer | undefined): boolean =>
  !dry && only?.includes('publish') !== false && pointer?.hold != null;

/** Whether the published snapshot is whole, to its last byte, and holds exactly what this run would publish. */
export async function isPublished(
  deps: Deps,
  { logicalTime }: ResolveInput,
  definition: FrozenDefinition,
  { definition: frozen, steps }: Plan,
  options: CallOptions,
): Promise<boolean> {
  const reusable = steps.filter((step) => recipeOf(definition, step) !== undefined);
  if (reusable.length === steps.length || reusable.some(({ decision }) => decision !== 'reuse')) return false;
  const { store } = deps.lake;
  const current = await readCurrent(store, definition.pipeline.name, options);
  if (current === undefined || current.warnings.length > 0) return false;
  // A run for an earlier time is superseded: publishing says so.
  if (Date.parse(logicalTime) < Date.parse(current.pointer.logicalTime)) return false;
  const records = reusable.flatMap(({ id, stage, result }) => (result === undefined ? [] : [{ id, stage, ...result }]));
  if (current.manifest.publication !== (await publicationOf(deps, frozen, definition, records))) return false;
  for (const output of current.manifest.outputs) if (!(await isWhole(deps.lake, output, options))) return false;
  return true;
}
