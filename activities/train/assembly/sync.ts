import { control } from './control';
import { SHARED, THREADS } from './layout';

/*
 * Threads sleep and are woken by the host. V8's first compiler of WebAssembly (Liftoff, seen in Node 20) loses locals across
 * memory.atomic.wait32 where this stands inlined in a function that goes on: trees came out wrong whenever a thread had slept
 * before the second compiler was through. A call to the host keeps them.
 */
/** Sleeps while the word at `address` is `value`, until it is woken. */
// @ts-expect-error: decorator
@external('host', 'sleep')
declare function sleep(address: usize, value: i32): void;

/** Wakes all that sleep at `address`. */
// @ts-expect-error: decorator
@external('host', 'wake')
declare function wake(address: usize): void;

const ARRIVED: usize = SHARED;
const GENERATION: usize = SHARED + 64;
const NEXT_ITEM: usize = SHARED + 128;
/** Looks before a thread goes to sleep: some tens of microseconds, the length of a small phase. */
const SPINS: i32 = 100_000;

/** Waits until all threads have come here. What one wrote before, the others read behind it. */
export function barrier(): void {
  const threads = control(THREADS);
  if (threads === 1) return;
  const generation = atomic.load<i32>(GENERATION);
  if (atomic.add<i32>(ARRIVED, 1) === threads - 1) {
    atomic.store<i32>(ARRIVED, 0);
    atomic.add<i32>(GENERATION, 1);
    wake(GENERATION);
    return;
  }
  for (let i = 0; i < SPINS; i++) if (atomic.load<i32>(GENERATION) !== generation) return;
  while (atomic.load<i32>(GENERATION) === generation) sleep(GENERATION, generation);
}

/** Called by one thread while the others stand at a barrier. */
export function openItems(): void {
  atomic.store<i32>(NEXT_ITEM, 0);
}

/** The next piece of work that nobody has taken. Which thread takes it must not matter to the result. */
export function takeItem(): i32 {
  return atomic.add<i32>(NEXT_ITEM, 1);
}
