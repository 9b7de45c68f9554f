export { backfill } from './backfill.js';
export { collect, collection } from './collect.js';
export { deliver } from './deliver.js';
export { pipeline } from './pipeline.js';
export { plan } from './plan.js';
export { refresh } from './refresh.js';
export { run } from './run.js';
