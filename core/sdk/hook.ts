import type { z } from 'zod';
import type { EntityName, Row } from './entity.ts';
import type { Cel, Template } from './node.ts';
import { cel, expression, type Mapped, type Ref, toTemplate, type When } from './ref.ts';
import type { Workflow } from './workflow.ts';

/** An ERP event as a hook sees it: a hint that something happened. What it says of the record is never taken for the record. */
export interface HookEvent {
  /** The canonical entity; null: the event names none that is loaded. */
  readonly entity: string | null;
  /** The record's id; null: it is about no record. */
  readonly id: string | null;
  /** The record's version when the event was sent; null: the sender tells none. */
  readonly version: string | null;
  /** The sender's name for what happened, such as `com.example.bill.created`; null for what a sweep found. */
  readonly type: string | null;
  /** Who sent it, as the configuration names them; `sweep` for what a sweep found. */
  readonly source: string;
  /** What tells it from every other event of its source. */
  readonly key: string;
  /** When it happened, RFC 3339, where the sender tells it. */
  readonly time: string | null;
  /** What came with it; null for what a sweep found. */
  readonly data: unknown;
}

/** What a hook's condition and mapping see. */
export interface HookScope<E extends EntityName = never> {
  readonly event: Ref<HookEvent>;
  /** The record as it is when the hook fires, read anew; without `entity` it may be null. */
  readonly record: Ref<[E] extends [never] ? Readonly<Record<string, unknown>> : Row<E>>;
}

/** A hook as data: which ERP events start which workflow, with what. */
export interface Hook {
  readonly kind: 'hook';
  /** Lower snake case; with its module's name `finance.bill_drafted`. */
  readonly name: string;
  /** What it is for, one sentence. */
  readonly about: string;
  /** The entity whose records it listens to; null: any event of its types. */
  readonly entity: string | null;
  /** The types of events that it listens to; []: any event about its entity. */
  readonly types: readonly string[];
  /** Whether a firing starts a run, over `event` and `record`; null: always. */
  readonly when: Cel | null;
  readonly edge: 'becomes' | null;
  readonly debounceMs: number;
  readonly coalesce: 'record' | 'never';
  /** The workflow's name. */
  readonly workflow: string;
  readonly input: Template;
  /** What its runs are for, in words; null: what its workflow says. */
  readonly goal: string | null;
  readonly priority: number;
  readonly company: Cel | string | null;
}

type InputOf<W> = W extends Workflow<infer I, unknown> ? z.input<I> : never;

/** How an author declares a hook. Conditions and mappings are CEL, or a function of references that becomes CEL. */
export interface HookDeclaration<E extends EntityName, W extends Workflow> {
  readonly name: string;
  /** What it is for, one sentence. */
  readonly about: string;
  /** Records of this entity: from events about them, and from sweeps. @default none: `types` say what it listens to */
  readonly entity?: E;
  /** Types of events, each in full. What only sweeps find has no type, so a hook with types never hears of it. @default any */
  readonly types?: readonly string[];
  /** @default every event */
  readonly when?: string | ((scope: HookScope<E>) => When);
  /**
   * `becomes`: it fires only when the condition has turned true since the record was last seen; a record that was never seen counts as
   * one whose condition was false. @default it fires for every change while the condition holds
   */
  readonly edge?: 'becomes';
  /** How long after the first event the record is read, milliseconds: what comes until then is one firing. @default 2000 */
  readonly debounceMs?: number;
  /** `never`: each event is a firing of its own. One version of a record still starts at most one run. @default 'record' */
  readonly coalesce?: 'record' | 'never';
  readonly workflow: W;
  /** The workflow's input. @default {} */
  readonly input?: ((scope: HookScope<E>) => Mapped<InputOf<W>>) | Template;
  /** What its runs are for, in words, at most 500 characters. @default what its workflow says */
  readonly goal?: string;
  /** Of the run, 1 to 10. @default 5 */
  readonly priority?: number;
  /** The company that the run is for. @default none */
  readonly company?: string | Cel | ((scope: HookScope<E>) => Ref<string>);
}

/** Declares a hook: an ERP event, or a change that a sweep finds, starts a workflow. It is checked when the module loads. */
export function defineHook<W extends Workflow, const E extends EntityName = never>(
  hook: HookDeclaration<E, W>,
): Hook {
  const { name, about, workflow, entity = null, types = [], edge = null, when } = hook;
  const scope = refs as unknown as HookScope<E>;
  const { input = {}, company = null } = hook;
  return Object.freeze({
    kind: 'hook',
    ...{ name, about, entity, types, edge },
    when: conditionOf(typeof when === 'function' ? when(scope) : when, `${name}.when`),
    debounceMs: hook.debounceMs ?? 2_000,
    coalesce: hook.coalesce ?? 'record',
    workflow: workflow?.name,
    input: toTemplate(typeof input === 'function' ? input(scope) : input, `${name}.input`),
    goal: hook.goal ?? null,
    priority: hook.priority ?? 5,
    company:
      typeof company === 'function' ? expression(company(scope), `${name}.company`) : company,
  });
}

const refs = { event: cel('event'), record: cel('record') };

function conditionOf(when: string | When | undefined, path: string): Cel | null {
  if (when === undefined) return null;
  return typeof when === 'string' ? { cel: when } : expression(when, path);
}
