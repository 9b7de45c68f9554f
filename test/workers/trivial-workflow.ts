import { condition, defineSignal, proxyActivities, setHandler, upsertSearchAttributes } from '@temporalio/workflow';
import { ATTRIBUTES } from '../../config/attributes.js';

const { double } = proxyActivities<{ double(value: number): Promise<number> }>({ startToCloseTimeout: '30 seconds' });

export const goOnSignal = defineSignal('goOn');

/** Does one step, waits for a signal however long the engine is away, does another. */
export async function waitingWorkflow(value: number): Promise<number> {
  let released = false;
  setHandler(goOnSignal, () => {
    released = true;
  });
  upsertSearchAttributes([{ key: ATTRIBUTES.pipeline, value: 'demo' }]);
  const first = await double(value);
  await condition(() => released);
  return double(first);
}
