import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, isGrpcServiceError } from '@temporalio/client';
import { ATTRIBUTES } from '../../config/attributes.js';
import { GeorefreshError } from '../../config/errors.js';

/** Numbers of the API's IndexedValueType; Node cannot import the enum by name from the SDK's CommonJS package. */
const VALUE_TYPES = { KEYWORD: 2, DATETIME: 6 } as const;

/** Status codes of gRPC. */
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;

/** A new namespace or attribute reaches the engine's caches within this time. */
const SETTLE_MS = 30_000;
const POLL_MS = 100;
const DAY_S = 86_400;

/** `Name=Type` of each search attribute, as the CLI takes them. */
export const attributeArguments = (): string[] =>
  Object.values(ATTRIBUTES).map(({ name, type }) => `${name}=${type === 'KEYWORD' ? 'Keyword' : 'Datetime'}`);

/** Registers the namespace unless it exists; its histories are kept for `retentionDays` after a run's end. */
export async function ensureNamespace(connection: Connection, namespace: string, retentionDays = 30): Promise<void> {
  const service = connection.workflowService;
  if (await exists(connection, namespace)) return;
  try {
    const workflowExecutionRetentionPeriod = { seconds: retentionDays * DAY_S } as never;
    await service.registerNamespace({ namespace, workflowExecutionRetentionPeriod });
  } catch (error) {
    if (statusOf(error) !== ALREADY_EXISTS) throw unreachable(`namespace ${namespace} cannot be registered`, error);
  }
  await until(`namespace ${namespace} does not appear`, () => exists(connection, namespace));
}

async function exists(connection: Connection, namespace: string): Promise<boolean> {
  try {
    await connection.workflowService.describeNamespace({ namespace });
    return true;
  } catch (error) {
    if (statusOf(error) === NOT_FOUND) return false;
    throw unreachable(`namespace ${namespace} cannot be looked up`, error);
  }
}

/**
 * Registers those search attributes that the namespace lacks. One that exists with another type, and a cluster that does
 * not let us register (a managed one), are faults of the set-up (GR-1002) that name what is to be done there.
 */
export async function ensureSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  await until('search attributes do not appear', async () => {
    const missing = await missingAttributes(connection, namespace);
    if (Object.keys(missing).length > 0) await addAttributes(connection, namespace, missing);
    return Object.keys(missing).length === 0;
  });
}

async function addAttributes(connection: Connection, namespace: string, missing: ValueTypes): Promise<void> {
  try {
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: missing });
  } catch (error) {
    // Exists: added by someone else, or by us and not yet listed. Not found: the namespace is newer than a cache there.
    if (statusOf(error) === ALREADY_EXISTS || statusOf(error) === NOT_FOUND) return;
    const names = attributeArguments().filter((argument) => (argument.split('=')[0] ?? '') in missing);
    const detail = `namespace ${namespace} lacks search attributes that cannot be registered from here`;
    throw new GeorefreshError('GR-1002', `${detail}: ${names.join(', ')}`, { cause: error });
  }
}

type ValueTypes = Record<string, (typeof VALUE_TYPES)[keyof typeof VALUE_TYPES]>;

/** What is to be registered, by name. */
async function missingAttributes(connection: Connection, namespace: string): Promise<ValueTypes> {
  const known = await listAttributes(connection, namespace);
  const missing: ValueTypes = {};
  for (const { name, type } of Object.values(ATTRIBUTES)) {
    if (known[name] === undefined) {
      missing[name] = VALUE_TYPES[type];
    } else if (known[name] !== VALUE_TYPES[type]) {
      const where = `search attribute ${name} of namespace ${namespace}`;
      throw new GeorefreshError('GR-1002', `${where} is not of type ${type} (but of number ${known[name]})`);
    }
  }
  return missing;
}

/** Custom attributes by name. Managed clusters refuse the operator service, but answer on the workflow service. */
async function listAttributes(connection: Connection, namespace: string) {
  try {
    return (await connection.operatorService.listSearchAttributes({ namespace })).customAttributes;
  } catch (refused) {
    try {
      return (await connection.workflowService.getSearchAttributes({})).keys;
    } catch {
      throw unreachable('search attributes cannot be listed', refused);
    }
  }
}

const statusOf = (error: unknown): number | undefined => (isGrpcServiceError(error) ? error.code : undefined);

const unreachable = (detail: string, cause: unknown): GeorefreshError =>
  new GeorefreshError('GR-5001', `${detail}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });

async function until(fault: string, done: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + SETTLE_MS;
  while (!(await done())) {
    if (performance.now() > end) throw new GeorefreshError('GR-5001', `${fault} within ${SETTLE_MS / 1000} s`);
    await sleep(POLL_MS);
  }
}
