import { fetchJson, putArtifact } from '../../../lake/artifacts.js';
import { isDamage } from '../../../lake/known.js';
import { type Ingredients, lookUp, remember, reuseKey } from '../../../lake/reuse.js';
import type { Artifact, CallOptions } from '../../../lake/types.js';
import { isWhole } from '../../../lake/whole.js';
import { type Deps, prefixOf } from '../../deps.js';
import type { RunHeader } from '../../types.js';
import type { Part } from '../ledger.js';

/** The partitions of a step that stand, by their reuse keys, the latest first. One object, however many there are. */
interface Shelf {
  version: 1;
  tables: Omit<Part, 'name' | 'rows' | 'facts'>[];
  parts: { key: string; name: string; rows: number; table: number; facts: Part['facts'] }[];
}

/** Partitions of earlier runs that stay findable, for each that the step has now. */
const EARLIER = 1;

/** The shelf of a step stands under what all of its partitions have in common. */
const onShelf = (base: Ingredients): Ingredients => ({ ...base, inputs: { what: 'partitions' } });

/** The kept partitions of a step whose tables are whole. */
export async function fromShelf(
  { lake }: Pick<Deps, 'lake'>,
  { pipeline, force }: Pick<RunHeader, 'pipeline' | 'force'>,
  base: Ingredients,
  options: CallOptions,
): Promise<Map<string, Part>> {
  const kept = new Map<string, Part>();
  const shelf = force ? undefined : await readShelf({ lake }, pipeline, base, options);
  if (shelf === undefined) return kept;
  const whole = await Promise.all(shelf.tables.map((table) => isWhole(lake, table, options)));
  for (const { key, name, rows, table, facts } of shelf.parts) {
    const standing = whole[table] ? shelf.tables[table] : undefined;
    if (standing !== undefined) kept.set(key, { ...standing, name, rows, facts });
  }
  return kept;
}

/** Puts the partitions of a step on its shelf, before those of earlier runs. */
export async function ontoShelf(
  { lake }: Pick<Deps, 'lake'>,
  pipeline: string,
  base: Ingredients,
  parts: ReadonlyMap<string, Part>,
  options: CallOptions,
): Promise<void> {
  const before = await readShelf({ lake }, pipeline, base, options);
  const shelf: Shelf = { version: 1, tables: [], parts: [] };
  const places = new Map<string, number>();
  const put = (key: string, { name, rows, facts, ...table }: Part): void => {
    const place = places.get(table.uri) ?? shelf.tables.push(table) - 1;
    places.set(table.uri, place);
    shelf.parts.push({ key, name, rows, table: place, facts });
  };
  for (const [key, part] of parts) put(key, part);
  const most = parts.size * (1 + EARLIER);
  for (const { key, name, rows, table, facts } of before?.parts ?? []) {
    const standing = before?.tables[table];
    if (shelf.parts.length >= most) break;
    if (!parts.has(key) && standing !== undefined) put(key, { ...standing, name, rows, facts });
  }
  const bytes = Buffer.from(JSON.stringify(shelf));
  const artifact = await putArtifact(lake.store, prefixOf(pipeline, 'state'), bytes, 'json', options);
  const objects = [artifact, ...shelf.tables.map(({ uri, sha256, bytes }) => ({ uri, sha256, bytes }))];
  await remember(lake, pipeline, onShelf(base), { objects, result: artifact }, options);
}

/** What lies on the shelf, if anything that can be read. Losing it costs a repetition and nothing else. */
async function readShelf(
  { lake }: Pick<Deps, 'lake'>,
  pipeline: string,
  base: Ingredients,
  options: CallOptions,
): Promise<Shelf | undefined> {
  const found = await lookUp(lake, pipeline, reuseKey(onShelf(base)), options);
  if (found === undefined) return undefined;
  return fetchJson<Shelf>(lake.store, found.result as Artifact, options).catch((error: unknown) => {
    if (isDamage(error)) return undefined;
    throw error;
  });
}
