import { control } from './control';
import { SHARED, THREADS } from './layout';

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
    atomic.notify(GENERATION, -1);
    return;
  }
  for (let i = 0; i < SPINS; i++) if (atomic.load<i32>(GENERATION) !== generation) return;
  while (atomic.load<i32>(GENERATION) === generation) atomic.wait<i32>(GENERATION, generation, -1);
}

/** Called by one thread while the others stand at a barrier. */
export function openItems(): void {
  atomic.store<i32>(NEXT_ITEM, 0);
}

/** The next piece of work that nobody has taken. Which thread takes it must not matter to the result. */
export function takeItem(): i32 {
  return atomic.add<i32>(NEXT_ITEM, 1);
}
