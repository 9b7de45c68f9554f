import picocolors from 'picocolors';

const COLOURS: Record<string, (text: string) => string> = {
  warn: picocolors.yellow,
  error: picocolors.red,
  fatal: picocolors.red,
};

const OWN = new Set(['level', 'timestamp', 'pid', 'event', 'msg']);

const valueText = (value: unknown): string =>
  typeof value === 'string' && /^\S+$/.test(value) ? value : JSON.stringify(value);

/** A JSON line of the log as people read it: `12:00:01 INFO batch_started loading batch_id=… source=…`. */
export function readableLine(line: string): string {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const level = String(entry.level ?? 'info');
  const head = [String(entry.timestamp ?? '').slice(11, 19), (COLOURS[level] ?? String)(level.toUpperCase())];
  const words = [entry.event, entry.msg].filter((word) => word !== undefined).map(String);
  const fields = Object.entries(entry).flatMap(([key, value]) => (OWN.has(key) ? [] : [`${key}=${valueText(value)}`]));
  return `${[...head, ...words, ...fields].join(' ')}\n`;
}
