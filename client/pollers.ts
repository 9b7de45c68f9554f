import type { Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { TASK_QUEUES } from '../config/queues.js';

const { TaskQueueType } = proto.temporal.api.enums.v1;

/** Task queues that no worker has polled of late: what is put there waits. */
export async function unpolledQueues({ workflowService }: Connection, namespace: string): Promise<string[]> {
  const looked = await Promise.all(
    Object.entries(TASK_QUEUES).map(async ([role, name]) => {
      const taskQueueType =
        role === 'workflows' ? TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW : TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY;
      const { pollers } = await workflowService.describeTaskQueue({ namespace, taskQueue: { name }, taskQueueType });
      return (pollers ?? []).length === 0 ? [name] : [];
    }),
  );
  return looked.flat();
}
