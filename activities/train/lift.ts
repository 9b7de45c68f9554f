import type { Judged } from './metrics.js';

/** Shares between 0 and 1: of the rows, taken from the top, and of the target found among them. */
export interface LiftPoint {
  rows: number;
  gain: number;
}

/** Points of the lift curve besides the origin: close together at the top, where it matters. */
const LIFT_STEPS = 99;

/** At most 100 points from (0, 0) to (1, 1); none where there is nothing to gain. */
export function liftCurve({ target, order }: Judged): LiftPoint[] {
  const rows = order();
  const found = new Float64Array(rows.length + 1);
  for (let i = 0; i < rows.length; i++) found[i + 1] = (found[i] as number) + (target[rows[i] as number] as number);
  const total = found[rows.length] as number;
  if (!(total > 0)) return [];
  const points: LiftPoint[] = [];
  for (let step = 0, last = -1; step <= LIFT_STEPS; step++) {
    const top = Math.round((step / LIFT_STEPS) ** 2 * rows.length);
    if (top === last) continue;
    last = top;
    points.push({ rows: top / rows.length, gain: (found[top] as number) / total });
  }
  return points;
}
