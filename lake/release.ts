import { GeorefreshError } from '../config/errors.js';
import { type Hold, readPointer, swapPointer } from './pointer.js';
import type { CallOptions, ObjectStore } from './types.js';

const ATTEMPTS = 8;

/**
 * Lets refreshes publish again: the hold that stood until now, or null where there was none. What is shown stays until
 * the next publication. Repeating it is harmless. GR-4003 where nothing was published yet.
 */
export async function releaseHold(
  store: ObjectStore,
  pipeline: string,
  options: CallOptions = {},
): Promise<Hold | null> {
  let released: Hold | null = null;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const state = await readPointer(store, pipeline, options);
    if (state === undefined) throw new GeorefreshError('GR-4003', pipeline);
    const { pointer, version } = state;
    // Also where the answer to the swap before was lost, or somebody else was quicker.
    if (pointer.hold === null) return released;
    released = pointer.hold;
    const answer = await swapPointer(store, { ...pointer, hold: null }, version, options);
    if (answer !== 'conflict') return released;
  }
  throw new GeorefreshError('GR-7001', `${pipeline} was changed by others ${ATTEMPTS} times while it was released`);
}
