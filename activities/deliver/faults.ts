import { type ErrorCode, GeorefreshError } from '../../config/errors.js';

/** What may pass by itself: servers that start or stop, full disks, too many connections. */
const PASSING = /^(08|53|57P|58|XX|40)/;
const REFUSED = /^(28|42501|3D000|25006)/;
/** Somebody else uses the table, or makes the register at the same moment. */
const BUSY = /^(55P03|23505)/;
/** Text that PostgreSQL has no characters for, numbers out of range. */
const DATA = /^22/;
const SQLSTATE = /^[0-9A-Z]{5}$/;

/** Words for what is seen most; the server's own would tell addresses, users and values. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens at its address',
  ENOTFOUND: 'its host is not known',
  ECONNRESET: 'the connection was cut',
  '28P01': 'user or password are wrong',
  '28000': 'the user may not connect from here, or not without TLS',
  '3D000': 'there is no such database',
  '42501': 'the user lacks the right: CREATE on the schema, and to own the tables',
  '2BP01': 'views or keys of the database hang on the table; drop them, or make them on a view of your own',
  '22021': 'a text holds characters that the database cannot keep',
  '53300': 'it has no connection left',
  '57P01': 'it was shut down',
  '57P03': 'it is starting up',
};

/** TLS that is not trusted, or not spoken at all. */
const isTls = (code: string, message: string): boolean =>
  /CERT|_TLS_|SSL/.test(code) || /does not support SSL/.test(message);

/**
 * What a driver or server says, as an error of the registry. Nothing of its text is passed on, and not the error itself:
 * both may hold the address, the user, or values of rows. What is told is the code (SQLSTATE, or the system's), our own
 * words for it, and which table it was about.
 */
export function databaseError(error: unknown, about: string): unknown {
  if (error instanceof GeorefreshError) return error;
  const { code, message } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  const known = typeof code === 'string' && /^[A-Z0-9_]{2,40}$/.test(code) ? code : '';
  const words = WORDS[known] ?? (known === '' ? 'the connection ended' : '');
  const told = [about, known === '' ? '' : `(${known})`, words].filter(Boolean).join(' ');
  return new GeorefreshError(codeFor(known, String(message)), told);
}

function codeFor(code: string, message: string): ErrorCode {
  if (REFUSED.test(code) || isTls(code, message)) return 'GR-5011';
  if (!SQLSTATE.test(code) || code.startsWith('E')) return 'GR-5010';
  if (PASSING.test(code)) return 'GR-5010';
  if (BUSY.test(code)) return 'GR-5013';
  return DATA.test(code) ? 'GR-2106' : 'GR-5014';
}
