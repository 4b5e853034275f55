import type { z } from 'zod';
import { EngineError } from '../../base/errors.ts';
import { canonicalJson } from '../../base/ids.ts';
import { readSource } from '../document/document-source.ts';
import { policyDocumentSchema } from './check-policy.ts';
import type { Policy } from './policy.ts';

/** Characters of a document as JSON: every thread of its tenant reads it. */
const longest = 65_536;

/** A policy as data, as people write it: what `definePolicy` takes. */
export type PolicyDocument = Readonly<z.output<typeof policyDocumentSchema>>;

/** Reads a document from YAML 1.2 or JSON. @throws POLICY_INVALID naming the line */
export function readPolicyDocument(text: string, { file }: { readonly file: string }): unknown {
  const source = readSource(text);
  const [fault] = source.faults;
  if (!fault) return source.value;
  throw policyInvalid(file, `line ${fault.line}, column ${fault.column}: ${fault.message}`);
}

/** Checks the form of a document; what it names is not looked up. @throws POLICY_INVALID with every fault in the details */
export function checkPolicyDocument(value: unknown): PolicyDocument {
  const parsed = policyDocumentSchema.safeParse(value);
  const { name } = Object(value) as { readonly name?: unknown };
  const called = typeof name === 'string' ? `'${name.slice(0, 64)}'` : 'without a name';
  if (!parsed.success) {
    const errors = parsed.error.issues.map(({ path, message }) => ({
      pointer: path.map((part) => `/${String(part).slice(0, 100)}`).join(''),
      detail: message,
    }));
    const [first] = errors;
    const where = first?.pointer.slice(1).replaceAll('/', '.') || 'the document';
    throw policyInvalid(called, `'${where}' ${first?.detail}`, { errors });
  }
  if (canonicalJson(parsed.data).length <= longest) return parsed.data;
  throw policyInvalid(called, `is longer than ${longest} characters as JSON`);
}

/** The policy that a stored version says; null for one that this release cannot read. */
export function policyOf(version: number, body: unknown): Policy | null {
  const parsed = policyDocumentSchema.safeParse(body);
  if (!parsed.success) return null;
  return Object.freeze({ kind: 'policy', ...parsed.data, version }) as Policy;
}

/** What is wrong with a policy that somebody writes. */
export function policyInvalid(
  name: string,
  what: string,
  details?: Readonly<Record<string, unknown>>,
): EngineError {
  return new EngineError('POLICY_INVALID', `Policy ${name}: ${what}.`, details && { details });
}
