/** Shown where there is no value. */
export const NONE = '–';

const MINUS = '\u2212';
const LEAST_GROUPED = 1000;

const formatters = new Map<number, Intl.NumberFormat>();

const fixed = (value: number, decimals: number): string => {
  let formatter = formatters.get(decimals);
  if (formatter === undefined) {
    formatter = new Intl.NumberFormat('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    formatters.set(decimals, formatter);
  }
  const text = formatter.format(value);
  // -0.00 says less than 0.00, and a typographic minus is as wide as a digit.
  return text.startsWith('-') ? (/[1-9]/.test(text) ? MINUS + text.slice(1) : text.slice(1)) : text;
};

const magnitude = (value: number): number => Math.floor(Math.log10(Math.abs(value)));

/** Whole numbers with thousands separators: `74,133`. */
export const formatCount = (value: number | null | undefined): string =>
  value === null || value === undefined || !Number.isFinite(value) ? NONE : fixed(value, 0);

/**
 * Decimals with which the typical (median) magnitude of a column shows `significant` digits, so that its figures stand
 * aligned at the decimal point. 0 where all are whole.
 */
export const columnDecimals = (values: readonly (number | null | undefined)[], significant = 4): number => {
  const sizes: number[] = [];
  let whole = true;
  for (const value of values) {
    if (value === null || value === undefined || !Number.isFinite(value) || value === 0) continue;
    if (!Number.isInteger(value)) whole = false;
    sizes.push(magnitude(value));
  }
  if (whole || sizes.length === 0) return 0;
  sizes.sort((a, b) => a - b);
  const typical = sizes[sizes.length >> 1] ?? 0;
  return Math.min(8, Math.max(0, significant - 1 - typical));
};

/** A number with fixed decimals (default: four significant digits of its own). Very large or small ones as powers of ten. */
export const formatNumber = (value: number | null | undefined, decimals?: number): string => {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  if (value === 0) return fixed(0, decimals ?? 0);
  const size = magnitude(value);
  const shown = decimals ?? (Number.isInteger(value) ? 0 : Math.min(8, Math.max(0, 3 - size)));
  if (size >= 15 || (size < -4 && -size > shown)) {
    const [mantissa = '', exponent = ''] = value.toExponential(2).split('e');
    return `${mantissa.replace('-', MINUS)} × 10^${exponent.replace('+', '').replace('-', MINUS)}`;
  }
  // A small figure in a column of large ones keeps two digits rather than reading as zero.
  const vanishes = Math.abs(value) < 0.5 * 10 ** -shown;
  return fixed(value, vanishes ? 1 - size : shown);
};

/** A share of one as per cent: `49.5 %`. */
export const formatShare = (share: number | null | undefined, decimals = 1): string =>
  share === null || share === undefined || !Number.isFinite(share) ? NONE : `${fixed(share * 100, decimals)}\u00a0%`;

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes in decimal (SI) units: `7.24 MB`. */
export const formatBytes = (bytes: number): string => {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= LEAST_GROUPED;
    unit++;
  }
  const decimals = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${fixed(value, decimals)}\u00a0${BYTE_UNITS[unit]}`;
};

/** Seconds for people: `0.42 s`, `12.3 s`, `3 min 12 s`, `2 h 5 min`. */
export const formatSeconds = (seconds: number): string => {
  if (!Number.isFinite(seconds)) return NONE;
  if (seconds < 59.95) return `${fixed(seconds, seconds < 9.995 ? 2 : 1)}\u00a0s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)}\u00a0min ${whole % 60}\u00a0s`;
  const minutes = Math.round(seconds / 60);
  return `${formatCount(Math.floor(minutes / 60))}\u00a0h ${minutes % 60}\u00a0min`;
};

/** An ISO 8601 instant in UTC to the second: `2026-11-21 06:00:00 UTC`; the text itself where it is no instant. */
export const formatInstant = (iso: string): string => {
  const time = Date.parse(iso);
  return Number.isNaN(time) ? iso : `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
};
