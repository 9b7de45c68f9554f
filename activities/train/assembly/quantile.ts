import { address, param } from './control';
import * as L from './layout';

/**
 * The step that is best for a leaf under pinball loss: the least residual whose rows, with those below, hold α of the weight
 * (as LightGBM renews leaves, without its interpolation). Quickselect in place over pairs of residual and weight, which may
 * use the leaf's stretch of the ordered pairs.
 */
export function quantileOfLeaf(start: i32, rows: i32): f64 {
  const at = address(L.A_ORDERED) + (<usize>start << 4);
  const weight = address(L.A_WEIGHT);
  let total: f64 = 0;
  for (let i: usize = 0; i < <usize>rows; i++) {
    const row: usize = load<u32>(address(L.A_INDEX) + ((<usize>start + i) << 2));
    const w = weight === 0 ? 1.0 : load<f64>(weight + (row << 3));
    store<f64>(at + (i << 4), load<f64>(address(L.A_TARGET) + (row << 3)) - load<f64>(address(L.A_SCORE) + (row << 3)));
    store<f64>(at + (i << 4), w, 8);
    total += w;
  }
  return select(at, rows, total * param(L.ALPHA));
}

// @ts-expect-error: decorator
@inline
function residual(at: usize, i: i32): f64 {
  return load<f64>(at + (<usize>i << 4));
}

function swap(at: usize, i: i32, j: i32): void {
  const a = at + (<usize>i << 4);
  const b = at + (<usize>j << 4);
  const kept = v128.load(a);
  v128.store(a, v128.load(b));
  v128.store(b, kept);
}

/** The least residual up to which the weights reach `wanted`. */
function select(at: usize, rows: i32, wanted: f64): f64 {
  let low = 0;
  let high = rows - 1;
  while (low < high) {
    const a = residual(at, low);
    const b = residual(at, (low + high) >> 1);
    const c = residual(at, high);
    const pivot = max(min(a, b), min(max(a, b), c));
    // Three parts: below, at and above the pivot.
    let below = low;
    let above = high;
    let weightBelow: f64 = 0;
    let weightAt: f64 = 0;
    for (let i = low; i <= above; ) {
      const value = residual(at, i);
      const w = load<f64>(at + (<usize>i << 4), 8);
      if (value < pivot) {
        weightBelow += w;
        swap(at, i++, below++);
      } else if (value > pivot) swap(at, i, above--);
      else {
        weightAt += w;
        i++;
      }
    }
    if (wanted <= weightBelow && below > low) high = below - 1;
    else if (wanted <= weightBelow + weightAt || above === high) return pivot;
    else {
      wanted -= weightBelow + weightAt;
      low = above + 1;
    }
  }
  return residual(at, low);
}
