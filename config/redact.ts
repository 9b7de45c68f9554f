const MASK = '[redacted]';

/** Names of fields that hold secrets, whatever their value. */
const SECRET_NAMES = [
  'authorization',
  'cookie',
  'password',
  'passwd',
  'passphrase',
  'secret',
  'secretKey',
  'secretAccessKey',
  'SECRET_KEY',
  'AWS_SECRET_ACCESS_KEY',
  'DB_PASSWORD',
  'token',
  'accessToken',
  'apiKey',
  'privateKey',
  'credentials',
  'connectionString',
];

/** Paths for pino, which masks lists and mappings under them too; three levels are as deep as our log fields go. */
export const REDACTED_PATHS = SECRET_NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/**
 * Text and numbers under a name that speaks of a secret, at any depth of a JSON line. Lengths are bounded, so that no
 * line takes more than linear time.
 */
const SECRET_FIELD =
  /"([\w.-]{0,40}(?:password|passwd|passphrase|secret|authorization|cookie|credential|token|api[_-]?key|access[_-]?key|account[_-]?key|private[_-]?key|connection[_-]?string)[\w.-]{0,40})":(?:"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*)/gi;

/** Credentials inside other text: of URIs, of HTTP headers, of Azure connection strings and signed URLs, in PEM. */
const SECRET_TEXT: [RegExp, string][] = [
  [/([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@"\\]{1,400}@/gi, `$1${MASK}@`],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]{6,}/gi, `$1 ${MASK}`],
  [/\b(AccountKey|SharedAccessKey|SharedAccessSignature|Password|Pwd)=[^;\s"\\]{1,400}/gi, `$1=${MASK}`],
  [
    /([?&](?:sig|X-Amz-Signature|X-Amz-Credential|X-Amz-Security-Token|access_token|token|password)=)[^&\s"\\]{1,2000}/gi,
    `$1${MASK}`,
  ],
  [/-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]{0,8000}?-----END [A-Z ]{0,30}PRIVATE KEY-----/g, MASK],
];

/** One JSON line of the log without its secrets; it stays one JSON line. */
export function redactText(line: string): string {
  let clean = line.replace(SECRET_FIELD, `"$1":"${MASK}"`);
  for (const [pattern, mask] of SECRET_TEXT) clean = clean.replace(pattern, mask);
  return clean;
}
