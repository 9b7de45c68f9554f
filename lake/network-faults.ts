import type { Judgement } from './bucket.js';
import { DeadlineError } from './patience.js';
import { ShortError } from './remote-reader.js';

/** What Node says of connections that were not made, or broke off. The former asked nothing of the service. */
const NOT_MADE = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);
const BROKEN = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ECONNABORTED', 'ERR_STREAM_PREMATURE_CLOSE', 'EPROTO']);

/** The judgement where no answer came, or not the whole of it; undefined where the error is of another kind. */
export function judgeConnection(error: unknown): Judgement | undefined {
  const unreachable = (text: string, unsure: boolean): Judgement => ({ code: 'GR-5002', text, again: true, unsure });
  if (error instanceof DeadlineError || error instanceof ShortError) return unreachable(error.message, true);
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const code = 'code' in at && typeof at.code === 'string' ? at.code : '';
    if (NOT_MADE.has(code)) return unreachable(code, false);
    if (BROKEN.has(code) || code.startsWith('HPE_')) return unreachable(code, true);
    if (at.name === 'TimeoutError' || /socket hang up|aborted/i.test(at.message))
      return unreachable(at.name === 'Error' ? at.message : at.name, true);
  }
  return undefined;
}

/** The judgement by an answer's status, where the service's own word for it says no more. */
export function judgeStatus(status: number, text: string): Judgement {
  const final = (code: Judgement['code']): Judgement => ({ code, text, again: false, unsure: false });
  if (status === 404) return final('GR-4004');
  if (status === 401) return final('GR-5008');
  if (status === 403) return final('GR-5004');
  if (status === 501) return final('GR-5009');
  if (status === 507) return final('GR-5003');
  const again = status === 408 || status === 409 || status === 429 || status >= 500;
  return { code: 'GR-5002', text, again, unsure: status === 408 || status >= 500 };
}
