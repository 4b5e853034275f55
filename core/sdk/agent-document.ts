import { z } from 'zod';
import { EngineError } from '../base/errors.ts';
import { canonicalJson } from '../base/ids.ts';
import { agentSchema, ownModule } from './check-module.ts';
import { readSource } from './document/document-source.ts';

/** Characters of a document as JSON: it travels with every job of its agent. */
const longest = 65_536;

const { model, priority, critical, onBudget, limits, findings, capabilities } = agentSchema.shape;
const jsonSchema = z
  .record(z.string(), z.unknown())
  .refine(({ type }) => type === 'object', { error: "must be a JSON Schema of type 'object'" });

const documentSchema = z
  .strictObject({
    name: agentSchema.shape.name.max(64),
    /** `module.agent`: a loaded agent, of which everything is taken that is left out here. */
    template: z.string().min(1).max(200).optional(),
    purpose: z.string().min(1).max(1_000).optional(),
    instructions: z.string().min(1).max(50_000).optional(),
    ...{ model, priority, critical, onBudget, limits, findings, capabilities },
    /** Names of tools; what it may call of them, policies and grants say. */
    tools: z
      .array(z.string().min(1).max(64))
      .max(64)
      .refine((all) => new Set(all).size === all.length, { error: 'names one of them twice' })
      .optional(),
    input: jsonSchema.optional(),
    output: jsonSchema.optional(),
  })
  .superRefine((document, context) => {
    if (document.template !== undefined) return;
    for (const member of ['purpose', 'instructions'] as const)
      if (document[member] === undefined)
        context.addIssue({
          code: 'custom',
          path: [member],
          message: 'is missing; only an agent with a template may leave it out',
        });
  });

/** An agent as data, as people write it: what it leaves out is its template's. */
export type AgentDocument = Readonly<z.output<typeof documentSchema>>;

/** A document as it is stored and sent to threads. */
export interface MadeAgent {
  readonly version: number;
  /** Of the document, hex. */
  readonly digest: string;
  readonly document: AgentDocument;
}

/** The name by which workflows and people call an agent that was made at run time. */
export function ownName(name: string): string {
  return `${ownModule}.${name}`;
}

/** The name in the document of an agent that was made at run time; null for the name of any other. */
export function shortName(name: string): string | null {
  return name.startsWith(`${ownModule}.`) ? name.slice(ownModule.length + 1) : null;
}

/** Reads a document from YAML 1.2 or JSON. @throws AGENT_INVALID naming the line, or the member */
export function readAgentDocument(text: string, { file }: { readonly file: string }): unknown {
  const source = readSource(text);
  const [fault] = source.faults;
  if (!fault) return source.value;
  throw agentInvalid(file, `line ${fault.line}, column ${fault.column}: ${fault.message}`);
}

/** Checks the form of a document; what it names is not looked up. @throws AGENT_INVALID with every fault in the details */
export function checkAgentDocument(value: unknown): AgentDocument {
  const parsed = documentSchema.safeParse(value);
  if (parsed.success) {
    if (canonicalJson(parsed.data).length <= longest) return parsed.data;
    throw agentInvalid(parsed.data.name, `is longer than ${longest} characters as JSON`);
  }
  const errors = parsed.error.issues.map(({ path, message }) => ({
    pointer: path.map((part) => `/${String(part).slice(0, 100)}`).join(''),
    detail: message,
  }));
  const [first] = errors;
  const where = first?.pointer.slice(1).replaceAll('/', '.') || 'the document';
  const { name } = Object(value) as { readonly name?: unknown };
  const text = `'${where}' ${first?.detail}`;
  throw agentInvalid(typeof name === 'string' ? name.slice(0, 64) : 'it', text, { errors });
}

/** What is wrong with an agent that somebody makes. */
export function agentInvalid(
  name: string,
  what: string,
  details?: Readonly<Record<string, unknown>>,
): EngineError {
  return new EngineError('AGENT_INVALID', `Agent ${name}: ${what}.`, details && { details });
}
