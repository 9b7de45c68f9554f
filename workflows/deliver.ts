import { continueAsNew, proxyActivities, setHandler, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { DeliverSummary } from '../activities/types.js';
import { ATTRIBUTES } from '../config/attributes.js';
import { deliverOptions } from './activity-options.js';
import { rethrow } from './failure.js';
import { type DeliverRequest, publishedSignal } from './messages.js';

const { deliver: bring } = proxyActivities<Activities>({ ...deliverOptions, activityId: 'deliver' });

/** Deliveries in one history; far below what the engine allows. */
const MOST = 500;

/**
 * Brings what is published of a pipeline to the places outside the lake that its outputs are to go to. There is one at a
 * time, under a fixed id; news that something was published meanwhile makes it look once more before it ends.
 */
export async function deliver(request: DeliverRequest): Promise<DeliverSummary> {
  const { pipeline } = request;
  let news = true;
  setHandler(publishedSignal, () => {
    news = true;
  });
  upsertSearchAttributes([{ key: ATTRIBUTES.pipeline, value: pipeline }]);
  let summary: DeliverSummary = { pipeline, state: 'nothing', generation: null, there: null, tables: [] };
  for (let done = 0; news; done++) {
    if (done === MOST || workflowInfo().continueAsNewSuggested) await continueAsNew<typeof deliver>({ pipeline });
    news = false;
    summary = await bring({ pipeline, ...(done === 0 && request.anew === true && { anew: true }) }).catch(rethrow);
  }
  return summary;
}
