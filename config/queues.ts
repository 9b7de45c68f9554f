/** Task queues by what a worker must have: nothing, a good way to the store, or threads and memory for kernels. */
export const TASK_QUEUES = {
  workflows: 'georefresh',
  io: 'georefresh-io',
  compute: 'georefresh-compute',
  /** All activities of backfills, which are in no hurry. */
  backfill: 'georefresh-backfill',
} as const;
