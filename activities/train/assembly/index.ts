export { binNumbers, fillPanels } from './bins';
export { gradients, lossOf } from './objective';
export { boost } from './boost';
export { forest } from './forest';
