/**
 * Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours cost 1 each, and no
 * part is edited twice (Damerau's four errors; the recurrence is that of Wagner and Fischer with one more case).
 */
export function editDistance(from: string, to: string): number {
  let before = new Array<number>(to.length + 1).fill(0);
  let above = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1];
      let best = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1])
        best = Math.min(best, (before[j - 2] ?? 0) + 1);
      row.push(best);
    }
    before = above;
    above = row;
  }
  return above[to.length] ?? 0;
}

/** Longer than this, a name is not compared: the distance is quadratic and the name comes from a file. */
const MAX_LENGTH = 80;

/** The known name that was probably meant, or undefined: at most a third of the letters differ, ties go to the first. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  if (name.length > MAX_LENGTH) return undefined;
  let best: string | undefined;
  let least = Math.min(3, Math.max(1, Math.floor(name.length / 3))) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= least) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/** `; meant \`x\`?`, or nothing where no known name is near. */
export function meant(name: string, known: Iterable<string>): string {
  const guess = nearest(name, known);
  return guess === undefined ? '' : `; meant \`${guess}\`?`;
}
