import { EngineError } from '../../base/errors.ts';

// Where nothing of a message has been handed over yet: https://nodemailer.com/errors
const early = new Set(['EAUTH', 'ENOAUTH', 'ECONFIG', 'EDNS', 'EENVELOPE', 'ETLS', 'EREQUIRETLS']);

/**
 * What went wrong with a message, in the words of the catalogue. A server that answers with a code has not taken it (RFC 5321,
 * section 4.2.1): 5xx is for good, 4xx for now. Its words stay with it.
 */
export function mailFailure(error: unknown): EngineError {
  const { code = 'unknown', responseCode, syscall } = faultOf(error);
  if (responseCode !== undefined && responseCode >= 500) {
    return new EngineError(
      'MAIL_REFUSED',
      `The mail server refuses the message or the login (${responseCode}, ${code}); look at its log.`,
      { cause: error, details: { sent: false } },
    );
  }
  const isUnsent = responseCode !== undefined || early.has(code) || syscall === 'connect';
  return new EngineError(
    'MAIL_FAILED',
    `The mail server did not take the message (${responseCode ?? code})${isUnsent ? '; nothing was sent' : '; whether it was sent is not known'}.`,
    { cause: error, ...(isUnsent && { details: { sent: false } }) },
  );
}

interface Fault {
  readonly code?: string;
  readonly responseCode?: number;
  readonly syscall?: string;
}

function faultOf(error: unknown): Fault {
  return error instanceof Error ? (error as Error & Fault) : {};
}
