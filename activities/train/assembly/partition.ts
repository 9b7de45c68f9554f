import { address, control } from './control';
import { A_BINS, ROWS } from './layout';

/**
 * Sorts rows [from, to) of the index by their route, into the same places of the scratch: left ones from the start on,
 * right ones from the end back. Both are written each time; which of them stays is decided without a branch.
 *
 * @returns number of left rows
 */
export function divide(index: usize, scratch: usize, from: i32, to: i32, f: i32, routes: usize): i32 {
  const bins = address(A_BINS) + <usize>f * <usize>control(ROWS);
  let left = scratch + ((<usize>from) << 2);
  let right = scratch + ((<usize>(to - 1)) << 2);
  const start = left;
  const end = index + ((<usize>to) << 2);
  for (let at = index + ((<usize>from) << 2); at < end; at += 4) {
    const row = load<u32>(at);
    const goes: usize = load<u8>(routes + load<u8>(bins + <usize>row));
    store<u32>(left, row);
    store<u32>(right, row);
    left += goes << 2;
    right -= (1 - goes) << 2;
  }
  return <i32>((left - start) >> 2);
}

/**
 * Moves what `divide` left in scratch [from, to) to its places in the index.
 *
 * @param lefts number of left rows there
 */
export function settle(
  index: usize,
  scratch: usize,
  from: i32,
  to: i32,
  lefts: i32,
  leftPlace: i32,
  rightPlace: i32,
): void {
  memory.copy(index + ((<usize>leftPlace) << 2), scratch + ((<usize>from) << 2), (<usize>lefts) << 2);
  let out = index + ((<usize>rightPlace) << 2);
  const stop = scratch + ((<usize>(from + lefts)) << 2);
  for (let at = scratch + ((<usize>to) << 2); at > stop; out += 4) {
    at -= 4;
    store<u32>(out, load<u32>(at));
  }
}

/** Copies the pairs of `count` rows of an index, so that they are read in one stretch. */
export function gather(index: usize, count: i32, pairs: usize, ordered: usize): void {
  const end = ordered + ((<usize>count) << 4);
  for (; ordered < end; ordered += 16, index += 4) {
    v128.store(ordered, v128.load(pairs + ((<usize>load<u32>(index)) << 4)));
  }
}
