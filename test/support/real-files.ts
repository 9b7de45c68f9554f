import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest, RunSummary } from '../../client/index.js';
import type { RefreshInput } from '../../workflows/messages.js';
import { type Cluster, type ClusterOptions, startCluster } from './cluster.js';
import { dataFolder } from './needs.js';

/** What another implementation of a pipeline's job found in the same files. */
export const readReference = <T>(section: string): T =>
  (JSON.parse(readFileSync(join(dataFolder(), '..', 'reference.json'), 'utf8')) as Record<string, T>)[section] as T;

/** One refresh in a cluster of its own, and the manifest of its run; `act` is done while it runs. */
export async function refreshOnce(
  options: ClusterOptions,
  request: RefreshInput,
  act: (cluster: Cluster) => Promise<void> = async () => undefined,
): Promise<{ summary: RunSummary; manifest: Manifest }> {
  const cluster = await startCluster(options);
  try {
    const refresh = await cluster.client.refresh(request);
    await act(cluster);
    const summary = await refresh.result();
    return { summary, manifest: await cluster.client.show(refresh.run) };
  } finally {
    await cluster.end();
  }
}
