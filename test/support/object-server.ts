import { objectServerBinary } from './needs.js';
import { type ObjectServerProcess, serveObjects } from './serve-objects.js';

export { type ObjectServerProcess, TEST_KEYS } from './serve-objects.js';

/** Starts versitygw on `root`; the same port and root again after `stop` make it come back. */
export const startObjectServer = (root: string, at?: number): Promise<ObjectServerProcess> =>
  serveObjects(objectServerBinary(), root, at);
