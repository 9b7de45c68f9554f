import { createHash, randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { newDataOptions, type SignalPacing } from '../workflows/messages.js';
import { patiently } from './refreshes.js';

/** A signal that the engine has written down. */
export interface Signalled {
  pipeline: string;
  /** Workflow that waits for quiet and then refreshes. */
  workflowId: string;
  workflowRun: string;
}

/**
 * Tells a pipeline of new data; resolves when the engine has written it down, so that no crash loses it. The same
 * fingerprint again is the same news. Only a digest of it is kept: it may name what nobody else should read.
 */
export async function signalNewData(
  client: Client,
  pipeline: string,
  pacing: SignalPacing,
  fingerprint: string = randomUUID(),
): Promise<Signalled> {
  const digest = createHash('sha256').update(fingerprint).digest('hex').slice(0, 32);
  const options = newDataOptions(pipeline, pacing, { fingerprint: digest });
  // Repeated where only the answer was lost: by its fingerprint it counts once.
  const { workflowId, signaledRunId } = await patiently(() => client.workflow.signalWithStart('pipeline', options));
  return { pipeline, workflowId, workflowRun: signaledRunId };
}
