import type { ConnectionOptions } from '@temporalio/client';
import { GeorefreshError } from '../../config/errors.js';

/** What `Connection.connect` and `NativeConnection.connect` both take. */
export interface EngineConnection {
  address: string;
  tls?: Exclude<ConnectionOptions['tls'], null | undefined>;
  apiKey?: string;
  metadata?: Record<string, string>;
}

export interface ExternalEngine {
  connection: EngineConnection;
  namespace: string;
}

/**
 * An engine that runs elsewhere, where TEMPORAL_ADDRESS names one: Temporal's own environment variables for clients
 * (TEMPORAL_NAMESPACE, TEMPORAL_TLS_*, TEMPORAL_API_KEY, TEMPORAL_GRPC_META_*), as all its SDKs and its CLI read them.
 * Its configuration file is not read: a profile made for other work must not redirect a refresh. GR-1002 on a fault.
 */
export async function externalEngine(env: NodeJS.ProcessEnv): Promise<ExternalEngine | undefined> {
  if (!env.TEMPORAL_ADDRESS) return undefined;
  // Loaded only here: most runs use the embedded engine.
  const { loadClientConnectConfig } = await import('@temporalio/envconfig');
  const given = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  try {
    const config = loadClientConnectConfig({ disableFile: true, overrideEnvVars: Object.fromEntries(given) });
    const { tls, apiKey, metadata } = config.connectionOptions;
    return {
      connection: {
        address: config.connectionOptions.address ?? env.TEMPORAL_ADDRESS,
        ...(tls != null && { tls }),
        ...(typeof apiKey === 'string' && { apiKey }),
        ...(metadata && { metadata: metadata as Record<string, string> }),
      },
      namespace: config.namespace || 'default',
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new GeorefreshError('GR-1002', `the TEMPORAL_* variables do not fit together: ${reason}`, { cause: error });
  }
}
