import { address, control, param } from './control';
import {
  A_PAIRS,
  A_SCORE,
  A_TARGET,
  A_WEIGHT,
  ALPHA,
  LOGISTIC,
  MAX_DELTA,
  OBJECTIVE,
  POISSON,
  QUANTILE,
} from './layout';
import { exponential, softplus } from './numbers';

/**
 * First and second derivatives of the loss by the score, for rows [from, to), as pairs of float64.
 * Squared: s − y, 1. Poisson: e^s − y, e^(s + δ), where δ keeps steps short (as LightGBM). Logistic: p − y, p (1 − p).
 * Quantile: 1 − α above the target and −α below, 1. All times the weight.
 *
 * @param sums two float64: the sum of absolute gradients, and of hessians
 */
export function gradients(from: i32, to: i32, sums: usize): void {
  const objective = control(OBJECTIVE);
  const target = address(A_TARGET);
  const score = address(A_SCORE);
  const weight = address(A_WEIGHT);
  const pairs = address(A_PAIRS);
  const alpha = param(ALPHA);
  const lift = exponential(param(MAX_DELTA));
  let gradientSum: f64 = 0;
  let hessianSum: f64 = 0;
  for (let row: usize = from; row < <usize>to; row++) {
    const s = load<f64>(score + (row << 3));
    const y = load<f64>(target + (row << 3));
    let g: f64 = s - y;
    let h: f64 = 1.0;
    if (objective === POISSON) {
      const mean = exponential(s);
      g = mean - y;
      h = mean * lift;
    } else if (objective === LOGISTIC) {
      const p = 1.0 / (1.0 + exponential(-s));
      g = p - y;
      h = p * (1.0 - p);
    } else if (objective === QUANTILE) {
      g = s >= y ? 1.0 - alpha : -alpha;
    }
    if (weight !== 0) {
      const w = load<f64>(weight + (row << 3));
      g *= w;
      h *= w;
    }
    store<f64>(pairs + (row << 4), g);
    store<f64>(pairs + (row << 4), h, 8);
    gradientSum += abs(g);
    hessianSum += h;
  }
  store<f64>(sums, gradientSum);
  store<f64>(sums, hessianSum, 8);
}

/** Turns rows [from, to) of pairs into fixed point: gradient · gradientScale, and hessian · hessianScale + 1 count. */
export function toFixed(from: i32, to: i32, gradientScale: f64, hessianScale: f64, one: i64): void {
  const end = address(A_PAIRS) + ((<usize>to) << 4);
  for (let at = address(A_PAIRS) + ((<usize>from) << 4); at < end; at += 16) {
    store<i64>(at, <i64>nearest(load<f64>(at) * gradientScale));
    store<i64>(at, one + <i64>nearest(load<f64>(at, 8) * hessianScale), 8);
  }
}

/** Loss of one row, without its weight: half squared error, or negative log-likelihood up to a constant, or pinball. */
export function lossOf(row: i32): f64 {
  const s = load<f64>(address(A_SCORE) + ((<usize>row) << 3));
  const y = load<f64>(address(A_TARGET) + ((<usize>row) << 3));
  const objective = control(OBJECTIVE);
  if (objective === POISSON) return exponential(s) - y * s;
  if (objective === LOGISTIC) return softplus(s) - y * s;
  if (objective === QUANTILE) return max(param(ALPHA) * (y - s), (param(ALPHA) - 1.0) * (y - s));
  return 0.5 * (s - y) * (s - y);
}
