import { proxyActivities } from '@temporalio/workflow';

/** A step of a plan, but for its work. */
export interface BareStep {
  id: string;
  queue: 'io' | 'compute';
  needs: string[];
}

export const bareQueue = (name: 'workflows' | BareStep['queue']): string => `bare-${name}`;

const options = { startToCloseTimeout: '1 minute' } as const;
const queues = {
  io: proxyActivities<{ nothing(): Promise<void> }>({ ...options, taskQueue: bareQueue('io') }),
  compute: proxyActivities<{ nothing(): Promise<void> }>({ ...options, taskQueue: bareQueue('compute') }),
};

/** An empty activity before, one for each step as soon as those it needs are done, one behind: the order of a refresh. */
export async function bare(steps: BareStep[]): Promise<void> {
  const perform = ({ id, queue }: BareStep): Promise<void> =>
    queues[queue].nothing.executeWithOptions({ ...options, taskQueue: bareQueue(queue), activityId: id }, []);
  await perform({ id: 'first', queue: 'io', needs: [] });
  const done = new Map<string, Promise<void>>();
  for (const step of steps) {
    const before = Promise.all(step.needs.map((id) => done.get(id)));
    done.set(
      step.id,
      before.then(() => perform(step)),
    );
  }
  await Promise.all(done.values());
  await perform({ id: 'last', queue: 'io', needs: [] });
}
