/** What the API says when it refuses something (RFC 9457), or what the browser says when it cannot be reached. */
export class Problem extends Error {
  override readonly name = 'Problem';
  /** Of the catalogue of errors; `UNREACHABLE` where there was no answer. */
  readonly code: string;
  /** Of HTTP; 0 where there was no answer. */
  readonly status: number;
  /** Whether the same may succeed later by itself. */
  readonly isRetryable: boolean;

  constructor(of: {
    readonly code: string;
    readonly status: number;
    readonly detail: string;
    readonly isRetryable: boolean;
  }) {
    super(of.detail);
    this.code = of.code;
    this.status = of.status;
    this.isRetryable = of.isRetryable;
  }
}

/** The problem in an answer that is none of success. */
export async function problemOf(response: Response): Promise<Problem> {
  const body = (await response.json().catch(() => ({}))) as Readonly<Record<string, unknown>>;
  const { code = 'UNKNOWN', detail = `The server answered ${response.status}.`, retryable } = body;
  return new Problem({
    code: String(code),
    detail: String(detail),
    status: response.status,
    isRetryable: retryable === true,
  });
}

/** Whatever was thrown, as a problem. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  return new Problem({
    code: 'UNREACHABLE',
    detail:
      'The server cannot be reached; look whether Tutti runs, and whether the network is there.',
    status: 0,
    isRetryable: true,
  });
}

/** Whether something was thrown because nobody wants it any more. */
export function isAbort(thrown: unknown): boolean {
  return (thrown as { readonly name?: unknown } | null)?.name === 'AbortError';
}
