import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  allHandlersFinished,
  ChildWorkflowCancellationType,
  condition,
  continueAsNew,
  ParentClosePolicy,
  setCurrentDetails,
  setHandler,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { failureOf } from './failure.js';
import { Inbox } from './inbox.js';
import { inboxQuery, newDataSignal, type PipelineInput, refreshBySignalId } from './messages.js';
import type { refresh } from './refresh.js';
import { pacingOf } from './request.js';

/** Far below what the engine allows: 51,200 events, and 10,000 signals. */
const MOST_EVENTS = 4000;
/** A refresh that is still under way is asked for again no sooner than this, in milliseconds. */
const SHORTEST_PAUSE = 250;

/**
 * Turns signals of new data into refreshes of one pipeline, one at a time: it waits for quiet, starts a refresh, and
 * starts exactly one more where signals came meanwhile. It ends when none came for long enough, and continues as new,
 * with all that waits, before its history grows long.
 */
export async function pipeline(input: PipelineInput): Promise<void> {
  const inbox = new Inbox(input?.inbox);
  setHandler(newDataSignal, (data) => inbox.take(data, Date.now()));
  setHandler(inboxQuery, () => inbox.state());
  const pacing = pacingOf(input);
  const isFull = (): boolean => {
    const { continueAsNewSuggested, historyLength } = workflowInfo();
    return continueAsNewSuggested || historyLength >= (input.mostEvents ?? MOST_EVENTS);
  };

  while (!isFull()) {
    if (!inbox.isWaiting) {
      setCurrentDetails('waits for signals of new data');
      await condition(() => inbox.isWaiting || isFull(), pacing.idle);
      // A signal and the end of the wait may come at once: the signal counts.
      if (!inbox.isWaiting && !isFull()) return;
      continue;
    }
    const wait = inbox.dueAt(pacing) - Date.now();
    if (wait > 0) {
      setCurrentDetails('new data: waits for quiet');
      await condition(isFull, wait);
    } else {
      setCurrentDetails('new data: a refresh is under way');
      await serve(input.pipeline, inbox, isFull, Math.max(pacing.quiet, SHORTEST_PAUSE));
    }
  }
  await condition(allHandlersFinished);
  await continueAsNew<typeof pipeline>({ ...input, inbox: inbox.state() });
}

/** Refreshes once, for all signals until now. Those that come after its begin wait for the next one. */
async function serve(name: string, inbox: Inbox, isFull: () => boolean, pause: number): Promise<void> {
  inbox.hand();
  const end = await refreshOnce(name, isFull);
  if (end === 'failed') inbox.forget();
  if (end === 'failed' || end === 'done') return;
  // It found another run at work for as long as it may wait, or its end is not known here: what was signalled waits on.
  inbox.putBack(Date.now());
  if (end === 'under way') await condition(isFull, pause);
}

type End = 'done' | 'failed' | 'busy' | 'under way';

/**
 * Starts a refresh under an id that is always the same, so that there is one at a time also across runs of this
 * workflow, and waits for its end, or until the history is full.
 */
async function refreshOnce(name: string, isFull: () => boolean): Promise<End> {
  let end: End = 'under way';
  try {
    const child = await startChild<typeof refresh>('refresh', {
      workflowId: refreshBySignalId(name),
      args: [{ pipeline: name, trigger: 'signal' }],
      // What was begun is carried through, whatever becomes of the one who waits for it.
      parentClosePolicy: ParentClosePolicy.ABANDON,
      cancellationType: ChildWorkflowCancellationType.ABANDON,
      staticSummary: `refresh of ${name}, by signal`,
    });
    child.result().then(
      () => {
        end = 'done';
      },
      (error: unknown) => {
        end = failureOf(error).type === 'GR-3005' ? 'busy' : 'failed';
      },
    );
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return end;
    throw error;
  }
  await condition(() => end !== 'under way' || isFull());
  return end;
}
