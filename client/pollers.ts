import type { Connection } from '@temporalio/client';
import { TASK_QUEUES } from '../config/queues.js';

/** Numbers of the API's TaskQueueType; Node cannot import the enum by name from the SDK's CommonJS package. */
const WORKFLOWS = 1;
const ACTIVITIES = 2;

/** Task queues that no worker has polled of late: what is put there waits. */
export async function unpolledQueues({ workflowService }: Connection, namespace: string): Promise<string[]> {
  const looked = await Promise.all(
    Object.entries(TASK_QUEUES).map(async ([role, name]) => {
      const taskQueueType = role === 'workflows' ? WORKFLOWS : ACTIVITIES;
      const { pollers } = await workflowService.describeTaskQueue({ namespace, taskQueue: { name }, taskQueueType });
      return (pollers ?? []).length === 0 ? [name] : [];
    }),
  );
  return looked.flat();
}
