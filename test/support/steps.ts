import type { Match } from './log-tail.js';

/** A worker begins a step. */
export const isBeginOf =
  (step: string): Match =>
  (line) =>
    line.event === 'step_started' && line.step === step;

/** A step begins that was begun before: the attempt before it failed, or its worker fell silent. */
export const isAgain: Match = ({ event, attempt = 1 }) => event === 'step_started' && attempt > 1;

/** What a worker says of its own attempt at a step when that is over, however it ended. */
export const isEndOf =
  (step: string, pid: number): Match =>
  (line) =>
    line.step === step && line.pid === pid && line.event !== undefined && line.event !== 'step_started';
