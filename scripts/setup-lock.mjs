// One set-up of this folder at a time, without anything installed.
import { mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A holder touches its claim each second; one that was not touched for this long has died. */
const STALE_MS = 15_000;

/**
 * Runs `work` while no other process runs it on this folder. Claims are numbered files that are only superseded, so that
 * two who find one stale cannot both take over: creating the next one fails for the second. A holder dates its claim 1970
 * when it is done; the highest claim stays.
 */
export async function alone(folder, onWait, work) {
  mkdirSync(folder, { recursive: true });
  const path = (claim) => join(folder, `setup.lock.${claim}`);
  const claims = () =>
    readdirSync(folder)
      .filter((name) => name.startsWith('setup.lock.'))
      .map((name) => Number(name.slice('setup.lock.'.length)))
      .sort((a, b) => a - b);
  const isHeld = (claim) => Date.now() - (statSync(path(claim), { throwIfNoEntry: false })?.mtimeMs ?? 0) < STALE_MS;
  let mine = 0;
  for (let told = false; mine === 0; ) {
    const top = claims().at(-1) ?? 0;
    if (top > 0 && isHeld(top)) {
      if (!told) onWait();
      told = true;
      await sleep(200);
    } else if (create(path(top + 1))) {
      // Not the highest: made too late, from an old listing.
      if (claims().at(-1) === top + 1) mine = top + 1;
      else rmSync(path(top + 1));
    }
  }
  for (const claim of claims()) if (claim < mine) rmSync(path(claim), { force: true });
  const beat = setInterval(() => utimesSync(path(mine), new Date(), new Date()), 1000);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    utimesSync(path(mine), 0, 0);
  }
}

function create(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}
