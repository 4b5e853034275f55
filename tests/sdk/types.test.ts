import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { complaintsOf } from '../support/compiler.ts';
import { verifies } from '../support/verifies.ts';

const casesFile = fileURLToPath(new URL('type-cases.ts', import.meta.url));

/** A line that the compiler must refuse. */
interface Refusal {
  readonly code: number;
  /** The one below the comment, counted from 1. */
  readonly line: number;
}

describe('the types of the SDK', () => {
  it('refuse each wrong use, with the error given, and nothing else', () => {
    verifies('R1.typescript-form');
    const source = readFileSync(casesFile, 'utf8');
    const refusals = refusalsIn(source);

    const errors = complaintsOf(casesFile, source.replaceAll('@ts-expect-error', 'refused:'));

    assert.ok(refusals.length > 30);
    assert.deepEqual(
      errors.map(({ line, code }) => `${line}: TS${code}`),
      refusals.map(({ line, code }) => `${line}: TS${code}`),
    );
  });
});

function refusalsIn(source: string): readonly Refusal[] {
  return source.split('\n').flatMap((text, index) => {
    const match = /@ts-expect-error (\d+) ./.exec(text);
    return match ? [{ code: Number(match[1]), line: index + 2 }] : [];
  });
}
