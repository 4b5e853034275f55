import type { z } from 'zod';
import type { Money } from '../base/money.ts';
import type { EntityName } from './entity.ts';
import type { Erp } from './erp.ts';
import type { Outside, Way } from './outside.ts';
import type { ToolCategory } from './tool-category.ts';

/**
 * What a tool does to the world: `read` nothing; `propose` a draft that somebody must take up; `write` the company's
 * own books, through `erp` alone, so that the connector knows what a repeated call does; `send` something that leaves the
 * company, or anything else that goes past the connector.
 */
export type Effect = 'read' | 'propose' | 'write' | 'send';

/**
 * Whom a tool is for: `public` every agent that lists it; `module` agents of the module that declares it; `restricted` nobody. A policy's
 * `access` or a grant set at run time lets others call it, too.
 */
export type ToolAccess = 'public' | 'module' | 'restricted';

/** How far an effect's idempotency key reaches: two calls with equal keys inside it are one effect. */
export type Scope = 'step' | 'run' | 'tenant';

/** What every tool handler gets; of what lies outside of the ERP, what the tool's `outside` names. */
export interface ToolContext extends Outside {
  readonly erp: Erp;
  /** The run's business date, `YYYY-MM-DD`: what "today" means to every tool. */
  readonly today: string;
  /** The effect's idempotency key as hex, for systems outside the ERP; empty for reads. */
  readonly key: string;
  readonly signal: AbortSignal;
}

/** How an effect is taken back: the ERP's own reversal action, or `none` with the reason a person will read. */
export type Undo = { readonly action: string } | { readonly none: string };

/** Where an effect posts to the books: the period of that day must be open. */
export interface Posting {
  /** Code of the company. @default the run's */
  readonly company?: string;
  /** The posting date, `YYYY-MM-DD`. */
  readonly date: string;
  /** The subledger that it goes through, which may be closed before the general ledger is. @default the general ledger alone */
  readonly ledger?: Subledger;
  /** Whether it belongs to the adjustment period that shares the year's last day. @default false */
  readonly adjustment?: boolean;
}

/** A ledger of its own, tied to a control account of the general ledger. */
export type Subledger = 'payables' | 'receivables' | 'bank' | 'inventory' | 'payroll';

/** A record of the ERP, by name and id. */
export interface DocumentRef {
  readonly entity: EntityName;
  readonly id: string;
}

export interface ToolCommon<P extends z.ZodType, R extends z.ZodType> {
  /** `module.entity.verb`, lower case, for example `finance.hold.place`; at most 64 characters. */
  readonly name: string;
  /** One sentence for the model and for people. */
  readonly description: string;
  readonly parameters: P;
  readonly result: R;
  /** The duty class that separation of duties compares, for example `approve_invoice`; only for tools with an effect. */
  readonly duty?: string;
  /** Who may be given the tool. @default 'module': agents of the module that declares it */
  readonly access?: ToolAccess;
  /** The group in which people find it. @default 'other' */
  readonly category?: ToolCategory;
  /** Text fields of the result that a model may read; they make its context `external`. */
  readonly reveals?: readonly string[];
  /** What it reaches beyond the ERP; using anything else is refused. @default nothing */
  readonly outside?: readonly Way[];
  /** The tool of an MCP server that stands behind it; `mcpTool` says it. @default none */
  readonly mcp?: { readonly tool: string; readonly server?: string };
  /** The result holds personal, pay or bank data: a workflow that joins it with text from outside and a write in one agent is refused. */
  readonly sensitive?: true;
  /** Milliseconds. @default 30000 */
  readonly timeoutMs?: number;
}

/** What a tool says of its effect: by what it is known, how it is taken back, and how a lost one is found again. */
export interface ToolOutward<P extends z.ZodType, R extends z.ZodType = z.ZodType> {
  /** The business key of the effect: ids, codes and dates, never free text, attempt or order. */
  readonly key: (args: z.output<P>) => readonly (string | number)[];
  readonly undo: Undo;
  /** @default 'step' */
  readonly scope?: Scope;
  /** Fields of the target record that an approver is shown and the approval is bound to. */
  readonly binds?: (args: z.output<P>) => readonly string[];
  /**
   * Where it posts, or null for nowhere. It is asked before every call and again before a proposal is carried out, and may only
   * read: into a locked period nothing is posted, and into a soft-closed one nothing without a person. Every tool whose effect
   * brings a ledger entry about, a draft of one included, says so; one that says nothing is not checked.
   */
  readonly posts?: (
    args: z.output<P>,
    context: Pick<ToolContext, 'erp' | 'today'>,
  ) => Posting | null | Promise<Posting | null>;
  /**
   * The documents that its target comes from, beside the target itself: a payment's bills, a bill's vendor. Separation of duties looks
   * at what has been done to them. It may only read, and is asked where a policy's rules name the tool's duty.
   * @default none
   */
  readonly lineage?: (
    args: z.output<P>,
    context: Pick<ToolContext, 'erp' | 'today'>,
  ) => readonly DocumentRef[] | Promise<readonly DocumentRef[]>;
  /**
   * The money that it moves, without its sign, or null where this call moves none. It may only read, and is asked where a policy's tiers
   * for the tool name an amount. A tool without it moves no money.
   */
  readonly amount?: (
    args: z.output<P>,
    context: Pick<ToolContext, 'erp' | 'today'>,
  ) => Money | null | Promise<Money | null>;
  /**
   * Compares payee, bank account and amount of the call with master data: null where they are equal, else what is not, in a few words. It
   * may only read, and is asked where the agent's model may have read text from outside.
   * @default nothing confirms them
   */
  readonly grounded?: (
    args: z.output<P>,
    context: Pick<ToolContext, 'erp' | 'today'>,
  ) => string | null | Promise<string | null>;
  /**
   * Finds out whether a call whose end nobody knows has happened: its result, or null when it has not. It is asked before the
   * call is made again, once no earlier try can still be under way, by the same key (`context.key`) and without the right to
   * write. One that cannot tell throws: null lets the effect happen. Commands to the ERP need none where its connector answers
   * a repeated key with the first outcome.
   */
  readonly lookUp?: (args: z.output<P>, context: ToolContext) => Promise<z.input<R> | null>;
  /**
   * The outside system honours `context.key`: the same call again under the same key does nothing more and gives the first
   * answer. Say so only of a system that promises it, and hand the key on. Without this and without `lookUp`, a `send` whose
   * end nobody knows waits for a person.
   */
  readonly repeatable?: true;
}

/** Declaration of a tool: pure data but for its business key. */
export type ToolDeclaration<
  P extends z.ZodType = z.ZodType,
  R extends z.ZodType = z.ZodType,
> = ToolCommon<P, R> &
  (
    | {
        readonly effect: 'read';
        readonly key?: never;
        readonly undo?: never;
        readonly scope?: never;
        readonly binds?: never;
        readonly posts?: never;
        readonly lineage?: never;
        readonly amount?: never;
        readonly grounded?: never;
        readonly lookUp?: never;
        readonly repeatable?: never;
      }
    | ({ readonly effect: 'propose' } & Partial<ToolOutward<P, R>>)
    | ({ readonly effect: 'write' | 'send' } & ToolOutward<P, R>)
  );

/** A tool: its declaration and its handler. */
export type Tool<
  P extends z.ZodType = z.ZodType,
  R extends z.ZodType = z.ZodType,
  E extends Effect = Effect,
> = ToolDeclaration<P, R> & {
  readonly kind: 'tool';
  readonly effect: E;
  readonly handle: (args: z.output<P>, context: ToolContext) => Promise<z.input<R>>;
};

/** Any tool, types erased. */
// biome-ignore lint/suspicious/noExplicitAny: handlers are contravariant in their arguments; zod checks them at run time
export type AnyTool = Tool<any, any, any>;

/** What a playbook gets from a tool with an effect: done, or stored for a person to decide. */
export type Effected<R> =
  | { readonly kind: 'applied' | 'replayed'; readonly result: R; readonly differs: boolean }
  | { readonly kind: 'proposed'; readonly effect: string }
  | { readonly kind: 'refused'; readonly rule: string; readonly reason: string };

/** A tool as a playbook calls it: reads return their result, effects what became of them. */
export type ToolFunction<T extends AnyTool> =
  T extends Tool<infer P, infer R, infer E>
    ? (args: z.input<P>) => Promise<[E] extends ['read'] ? z.output<R> : Effected<z.output<R>>>
    : never;

/**
 * Declares a tool; `.handler(fn)` completes it. The split keeps data (pinned, digested) from code.
 * The name, schemas and key are validated when the module loads.
 */
export function defineTool<
  P extends z.ZodType,
  R extends z.ZodType,
  const D extends ToolDeclaration<P, R>,
>(
  declaration: D & { readonly parameters: P; readonly result: R },
): {
  handler(
    handle: (args: z.output<P>, context: ToolContext) => Promise<z.input<R>>,
  ): Tool<P, R, D['effect']>;
} {
  return {
    handler: (handle) =>
      Object.freeze({ kind: 'tool', ...declaration, handle }) as unknown as Tool<P, R, D['effect']>,
  };
}
