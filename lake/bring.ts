import { bringDefinitionsBy } from '../config/places.js';

/** Has definitions in buckets brought by the lake; called at the edge of a process. What it takes is loaded when it is needed. */
export const bringDefinitions = (): void =>
  bringDefinitionsBy(async (uri, access) => (await import('./definitions.js')).bringFrom(uri, access));
