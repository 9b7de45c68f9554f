import { GeorefreshError } from '../config/errors.js';
import { keyOf } from './keys.js';
import { jsonBytes } from './manifest.js';
import type { Artifact, CallOptions, ObjectStore } from './types.js';

const ATTEMPTS = 8;

const registerOf = (pipeline: string, source: string): string =>
  keyOf('lake', pipeline, 'state', 'overlays', `${source}.json`);

/** The mended rows that stand for a source, as an artifact; undefined where there are none. */
export async function readOverlay(
  store: ObjectStore,
  pipeline: string,
  source: string,
  options: CallOptions = {},
): Promise<Artifact | undefined> {
  const found = await store.read(registerOf(pipeline, source), options);
  return found && (JSON.parse(Buffer.from(found.value).toString('utf8')) as Artifact);
}

/** The mended rows of all sources that have some, by source. */
export async function listOverlays(
  store: ObjectStore,
  pipeline: string,
  options: CallOptions = {},
): Promise<Map<string, Artifact>> {
  const found = new Map<string, Artifact>();
  const folder = `${keyOf('lake', pipeline, 'state', 'overlays')}/`;
  for await (const { key } of store.list(folder, options)) {
    const source = key.slice(folder.length).replace(/\.json$/, '');
    const overlay = await readOverlay(store, pipeline, source, options);
    if (overlay !== undefined) found.set(source, overlay);
  }
  return found;
}

/** Puts another overlay in the place of the one that stands; `change` is asked again where somebody else was faster. */
export async function changeOverlay(
  store: ObjectStore,
  pipeline: string,
  source: string,
  change: (now: Artifact | undefined) => Promise<Artifact>,
): Promise<Artifact> {
  const key = registerOf(pipeline, source);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const found = await store.read(key);
    const next = await change(found && (JSON.parse(Buffer.from(found.value).toString('utf8')) as Artifact));
    if ((await store.swap(key, jsonBytes(next), found?.version)) !== 'conflict') return next;
  }
  throw new GeorefreshError('GR-5002', `${key} was changed by others ${ATTEMPTS} times`);
}
