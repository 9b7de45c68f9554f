import { createBackfillActivities } from './backfill/index.js';
import { createDeliverActivities } from './deliver/index.js';
import type { Deps } from './deps.js';
import { createFeatureActivities } from './features/index.js';
import { createIngestActivities } from './ingest/index.js';
import { createMaintainActivities } from './maintain/index.js';
import { createPartitionActivities } from './partitions/index.js';
import { createPublishActivities } from './publish/index.js';
import { createResolveActivities } from './resolve/index.js';
import { createScoreActivities } from './score/index.js';
import { createTrainActivities } from './train/index.js';
import { createValidateActivities } from './validate/index.js';

/** Everything that a worker can do for a run. */
export const createActivities = (deps: Deps) => ({
  ...createResolveActivities(deps),
  ...createIngestActivities(deps),
  ...createValidateActivities(deps),
  ...createFeatureActivities(deps),
  ...createTrainActivities(deps),
  ...createScoreActivities(deps),
  ...createPartitionActivities(deps),
  ...createPublishActivities(deps),
  ...createDeliverActivities(deps),
  ...createMaintainActivities(deps),
  ...createBackfillActivities(deps),
});

export type Activities = ReturnType<typeof createActivities>;
