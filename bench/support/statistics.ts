/** The middle value; of an even number, the mean of the two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

export const spread = (values: readonly number[], decimals = 2): string =>
  `${median(values).toFixed(decimals)} (${Math.min(...values).toFixed(decimals)}–${Math.max(...values).toFixed(decimals)})`;

/** Ratio round by round, so that a machine that changes its speed between rounds does not change it. */
export const ratio = (peer: readonly number[], ours: readonly number[]): number =>
  median(peer.map((seconds, i) => seconds / ours[i]));
