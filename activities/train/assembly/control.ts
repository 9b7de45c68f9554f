import { CONTROL, PARAMS } from './layout';

// @ts-expect-error: decorator
@inline
export function control(slot: i32): i32 {
  return load<i32>(CONTROL + (slot << 2));
}

// @ts-expect-error: decorator
@inline
export function address(slot: i32): usize {
  return load<u32>(CONTROL + (slot << 2));
}

// @ts-expect-error: decorator
@inline
export function param(slot: i32): f64 {
  return load<f64>(PARAMS + (slot << 3));
}
