import type { Client } from '@temporalio/client';
import type { DeliverSummary } from '../activities/types.js';
import { loadPipeline } from '../config/load.js';
import type { ReadonlyDeep, Settings } from '../config/settings.js';
import { type DeliverRequest, deliverOptions } from '../workflows/messages.js';
import { failureOf } from './failure.js';
import { patiently, untilAborted } from './refreshes.js';

/** Whether outputs of a pipeline go to a place outside the lake; a definition that cannot be read says no. */
export async function delivers(settings: ReadonlyDeep<Settings>, pipeline: string): Promise<boolean> {
  const loaded = await loadPipeline(pipeline, settings).catch(() => undefined);
  return Object.values(loaded?.pipeline.outputs ?? {}).some(({ to }) => to !== undefined);
}

/** Asks for a delivery, or has the one under way look once more; resolves when the engine has written it down. */
export async function askForDelivery(
  client: Client,
  request: DeliverRequest,
): Promise<{ result(options?: { signal?: AbortSignal }): Promise<DeliverSummary> }> {
  const handle = await patiently(() => client.workflow.signalWithStart('deliver', deliverOptions(request)));
  return {
    result: ({ signal } = {}) => {
      const wait = async (): Promise<DeliverSummary> => (await handle.result()) as DeliverSummary;
      return patiently(() => untilAborted(client, signal, wait)).catch((error: unknown) => {
        throw failureOf(error);
      });
    },
  };
}
