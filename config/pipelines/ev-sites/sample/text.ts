/** How the sample's files write their cells. */

export const lines = (rows: string[], end = '\n'): string => rows.join(end) + end;
export const quoted = (text: string): string => `"${text}"`;
export const digits = (value: number, width: number): string => String(value).padStart(width, '0');
/** Ids that went through a spreadsheet: their leading zero is gone. */
export const asNumber = (id: string): string => String(Number(id));
/** Decimals as people write them, without trailing zeros. */
export const fixed = (value: number, decimals: number): string => String(Number(value.toFixed(decimals)));
/** Numbers that passed through a data frame of floats: 1 is written 1.0. */
export const float = (value: number): string => (Number.isInteger(value) ? `${value}.0` : String(value));
export const clamped = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));
