export { binNumbers, fillPanels } from './bins';
export { boost } from './boost';
export { forest } from './forest';
