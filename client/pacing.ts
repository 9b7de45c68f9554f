import { signalsOf } from '../config/definition/timing.js';
import { loadPipeline, type PipelinePlaces } from '../config/load.js';
import type { SignalPacing } from '../workflows/messages.js';

/** A definition is read anew after this, in milliseconds; reading one takes longer than sending a signal. */
const FRESH_MS = 1_000;

/** Gives the pacing of signals that a definition asks for. Errors are those of `loadPipeline`. */
export function pacingReader(places: PipelinePlaces): (pipeline: string) => Promise<SignalPacing> {
  const known = new Map<string, { until: number; pacing: Promise<SignalPacing> }>();
  return (pipeline) => {
    const found = known.get(pipeline);
    if (found !== undefined && performance.now() < found.until) return found.pacing;
    const pacing = loadPipeline(pipeline, places).then(({ pipeline: definition }) => signalsOf(definition));
    known.set(pipeline, { until: performance.now() + FRESH_MS, pacing });
    pacing.catch(() => known.delete(pipeline));
    return pacing;
  };
}
