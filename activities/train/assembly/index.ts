export { binNumbers, fillPanels } from './bins';
export { boost } from './boost';
