export { pipeline } from './pipeline.js';
export { refresh } from './refresh.js';
export { run } from './run.js';
