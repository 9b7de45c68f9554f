import { DefaultLogger, type LogLevel, Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';

const LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const satisfies Record<
  LogLevel,
  string
>;

let installed = false;

/**
 * Sends the SDK's own log, and the workflows', to ours. The SDK has one runtime a process, made before the first
 * connection; a second call changes nothing. Its signal handlers are off: whoever starts workers also stops them.
 */
export function installRuntime(log: Logger): void {
  if (installed) return;
  installed = true;
  const forward = new DefaultLogger('INFO', ({ level, message, meta }) => {
    log[LEVELS[level]]({ ...(meta as object) }, message);
  });
  Runtime.install({
    logger: forward,
    shutdownSignals: [],
    telemetryOptions: { logging: { forward: {}, filter: 'ERROR,temporalio_sdk_core=WARN' } },
  });
}
