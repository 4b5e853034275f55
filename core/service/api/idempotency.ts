import type { Request } from 'express';
import { z } from 'zod';
import { EngineError } from '../../base/errors.ts';

/** A key as a body may hold it, too. */
export const keySchema: z.ZodString = z.string().min(1).max(255);

/**
 * The key that makes a repeated request the same run, from the header or the body. The header's value may stand in quotes, as
 * draft-ietf-httpapi-idempotency-key-header-07 has it. @throws INPUT_INVALID
 */
export function idempotencyKey(request: Request, inBody: string | undefined): string {
  const header = request.get('Idempotency-Key')?.replace(/^"(.*)"$/, '$1');
  if (header !== undefined && inBody !== undefined && header !== inBody) {
    throw wrongKey('differs from the key in the body; send one of them');
  }
  const value = header ?? inBody;
  if (value === undefined) {
    throw wrongKey(
      'is missing; send one, new for each run, so that a repeated request starts none',
    );
  }
  if (keySchema.safeParse(value).success) return value;
  throw wrongKey('must have 1 to 255 characters');
}

function wrongKey(detail: string): EngineError {
  return new EngineError('INPUT_INVALID', `The header Idempotency-Key ${detail}.`, {
    details: { errors: [{ pointer: 'Idempotency-Key', detail }] },
  });
}
