import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { GeorefreshError } from '../config/errors.js';
import { createLogger } from '../config/logging.js';
import { readSettings } from '../config/settings.js';
import { externalEngine } from './engine/external.js';
import { ownProcess } from './engine/process.js';
import { writeJson } from './engine/state.js';
import { ROLES } from './roles.js';
import { installRuntime } from './runtime.js';
import { isWorkerRole, PROCESS_ROLES, type ProcessRole, startRoles } from './start.js';

const { values } = parseArgs({
  options: {
    address: { type: 'string' },
    namespace: { type: 'string' },
    roles: { type: 'string', default: ROLES.join(',') },
  },
});
const settings = await readSettings();
const log = createLogger({ ...settings.log, base: { role: 'worker' } });

const roles = values.roles.split(',').map((role): ProcessRole => {
  const known = PROCESS_ROLES.find((name) => name === role);
  if (known === undefined)
    throw new GeorefreshError('GR-1001', `no role ${role}; there are ${PROCESS_ROLES.join(', ')}`);
  return known;
});
const worked = roles.filter(isWorkerRole);
// The SDK's native part would keep a process alive that runs no worker.
if (worked.length > 0) installRuntime(log);
const external = await externalEngine(process.env);
const workers = await startRoles({
  // An engine elsewhere is described by the environment, with its keys; one of this home by its address.
  connection: external?.connection ?? { address: values.address ?? '127.0.0.1:7233' },
  namespace: external?.namespace ?? values.namespace ?? settings.engine.namespace,
  settings,
  log,
  roles,
});

// Others find the workers of a home here: to say how many there are, or to see one die.
const folder = join(settings.home, 'engine', 'workers');
const record = join(folder, `${process.pid}.json`);
mkdirSync(folder, { recursive: true });
if (worked.length > 0) await writeJson(record, { ...ownProcess(), roles: worked });
process.send?.('ready');

const stop = (): void => {
  workers.stop().catch((error: unknown) => log.error({ err: error }, 'the workers did not stop cleanly'));
};
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
process.once('disconnect', stop); // Whoever started this process has ended.
try {
  await workers.done;
} catch (error) {
  log.fatal({ err: error }, 'a worker failed');
  process.exitCode = 1;
} finally {
  rmSync(record, { force: true });
  if (process.connected) process.disconnect();
}
