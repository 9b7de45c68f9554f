import { existsSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The library is loaded into a process and answers its questions for the time; Debian keeps it here. */
export function clockLibrary(): string | undefined {
  if (process.platform !== 'linux' || !existsSync('/usr/lib')) return undefined;
  const places = readdirSync('/usr/lib').map((name) => join('/usr/lib', name, 'faketime', 'libfaketimeMT.so.1'));
  return places.find(existsSync);
}

/** How long a process may go by the offset before. */
const KNOWN_MS = 1000;

/** The clock of processes that are started with `env`, which may be set while they run. */
export interface WrongClock {
  env: Record<string, string>;
  /** Sets it so many seconds off; resolves when all who live by it know. */
  set(seconds: number): Promise<void>;
}

/** A clock that is right until it is set. Times of files and what counts seconds alone stay as they are. */
export async function wrongClock(folder: string): Promise<WrongClock> {
  const file = join(folder, 'clock');
  const write = (seconds: number): Promise<void> => writeFile(file, `${seconds < 0 ? '' : '+'}${seconds}\n`);
  await write(0);
  return {
    env: {
      LD_PRELOAD: clockLibrary() ?? '',
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: String(KNOWN_MS / 1000),
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    },
    async set(seconds) {
      await write(seconds);
      await sleep(2 * KNOWN_MS);
    },
  };
}
