import { sleep } from '@temporalio/workflow';
import type { DeliverSummary, RunSummary } from '../../../activities/types.js';
import { backfill as todaysBackfill } from '../../../workflows/backfill.js';
import { deliver as todaysDeliver } from '../../../workflows/deliver.js';
import type {
  BackfillInput,
  BackfillProgress,
  DeliverRequest,
  PipelineInput,
  RefreshInput,
  RunInput,
} from '../../../workflows/messages.js';
import { pipeline as todaysPipeline } from '../../../workflows/pipeline.js';
import { refresh as today } from '../../../workflows/refresh.js';
import { run as todaysRun } from '../../../workflows/run.js';

/** Today's workflows with one command more at their beginning: no history recorded before fits them. */
export async function refresh(request: RefreshInput): Promise<RunSummary> {
  await sleep(10);
  return today(request);
}

export async function run(input: RunInput): Promise<RunSummary> {
  await sleep(10);
  return todaysRun(input);
}

export async function backfill(input: BackfillInput): Promise<BackfillProgress> {
  await sleep(10);
  return todaysBackfill(input);
}

export async function deliver(request: DeliverRequest): Promise<DeliverSummary> {
  await sleep(10);
  return todaysDeliver(request);
}

export async function pipeline(input: PipelineInput): Promise<void> {
  await sleep(10);
  return todaysPipeline(input);
}
