/** Artifacts of the train stage, by their names between steps. */
export const JUDGEMENT = 'judgement';
export const METRICS = 'metrics.json';
export const MODEL = 'model.json';
export const ONNX = 'model.onnx';
export const MODEL_FACTS = 'model-facts';
export const IMPORTANCE = 'importance';
export const CARD = 'model-card.md';
