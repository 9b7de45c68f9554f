export { binNumbers, binScratch, fillPanels } from './bins';
export { boost } from './boost';
export { gradients, lossOf } from './objective';
export { exponential, logarithm } from './numbers';
export { BLOCK_BYTES } from './histogram';
export { SORT_BYTES } from './split';
