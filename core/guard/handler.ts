import type { z } from 'zod';
import { systemClock } from '../base/clock.ts';
import { Deadline } from '../base/deadline.ts';
import { EngineError } from '../base/errors.ts';
import type { Command, Connector, Outcome } from '../ports/erp/connector.ts';
import { erpFor } from '../ports/erp/records.ts';
import type { ToolContext } from '../sdk/tool.ts';
import { awaitClearance } from './clearance.ts';
import { remembering } from './known.ts';
import { outsideOf } from './outside.ts';
import type { Call, StepScope } from './scope.ts';
import type { WrittenRecord } from './written.ts';

/** Milliseconds that a handler gets. */
export function timeoutOf({ tool }: Pick<Call, 'tool'>): number {
  return tool.timeoutMs ?? 30_000;
}

/** What the ERP said to the commands of one handler, and whether anything happened past it. */
export interface Commands {
  /** Whether an earlier try of the call may have been carried out. */
  readonly isRepeat: boolean;
  /** Whether something was carried out, or may have been. */
  hasWritten: boolean;
  /** Whether the ERP itself has refused one: it looked at the key, and had done nothing under it. */
  wasRefused: boolean;
  /** What those that were carried out have written, in order. */
  readonly writes: WrittenRecord[];
}

/** Runs a tool's handler and checks its result. `key` is '' for one that may only read. @throws what the handler throws · TOOL_FAILED · TOOL_RESULT_INVALID */
export async function runHandler(
  call: Call,
  args: unknown,
  { key, commands }: { readonly key: string; readonly commands?: Commands },
): Promise<unknown> {
  const connector = commands ? heeded(call, key, commands) : call.scope.connector;
  const onChange = (): void => {
    if (commands) commands.hasWritten = true;
    // It may have been a way to the ERP that its connector does not know of.
    call.scope.known?.writing(null)();
  };
  const mayKnow = commands === undefined;
  const terms = { key, mayWrite: true, onChange, connector, mayKnow };
  const result = await inTime(call, terms, async (context) => {
    // It may have waited long for its limit.
    if (commands) {
      await awaitClearance(call.scope, key);
      refuseUnlessOwned(call.scope);
    }
    return await call.tool.handle(args, context);
  });
  return checkResult(call, result);
}

/** Asks a tool whether an effect has happened: its result, or null. @throws what the look-up throws · TOOL_FAILED · TOOL_RESULT_INVALID */
export async function runLookUp(
  call: Call,
  args: unknown,
  key: string,
): Promise<{ readonly result: unknown } | null> {
  const { connector } = call.scope;
  const found: unknown = await inTime(
    call,
    { key, mayWrite: false, connector },
    async (context) => await call.tool.lookUp?.(args, context),
  );
  // A look-up without an answer is no proof that nothing happened, so undefined fails the schema.
  return found === null ? null : { result: checkResult(call, found) };
}

/**
 * Asks a tool something about a call beside the call itself: it may only read, has the tool's time, and counts neither as a
 * call of it nor as what its handler read. @throws what the question throws · TOOL_FAILED
 */
export async function ask<T>(
  call: Call,
  question: (context: ToolContext) => Promise<T>,
): Promise<T> {
  const scope: StepScope = {
    ...call.scope,
    enter: (side) => (side === 'erp' ? call.scope.enter(side) : null),
  };
  const { connector } = scope;
  const aside = { tool: call.tool, scope, policies: call.policies, records: 0 };
  return await inTime(aside, { key: '', mayWrite: false, connector }, question);
}

/** What a tool answers with, by its schema. @throws TOOL_RESULT_INVALID */
export function checkResult({ tool }: Pick<Call, 'tool'>, result: unknown): unknown {
  const checked = (tool.result as z.ZodType).safeParse(result);
  if (checked.success) return checked.data;
  throw new EngineError(
    'TOOL_RESULT_INVALID',
    `Tool '${tool.name}' returned what its schema does not allow: ${issues(checked.error)}.`,
  );
}

/** A zod error in one line: path and message of each issue. */
export function issues(error: z.ZodError): string {
  return error.issues
    .map((issue) => `${issue.path.join('.') || 'value'}: ${issue.message}`)
    .join('; ');
}

/**
 * Lets nothing outside happen for an engine that may have lost its lease: another may own the run by now.
 * @throws ENGINE_FENCED
 */
export function refuseUnlessOwned({ isOwned }: Pick<StepScope, 'isOwned'>): void {
  if (isOwned()) return;
  throw new EngineError(
    'ENGINE_FENCED',
    'This engine may no longer own the run, so it writes nothing; whoever owns it goes on.',
  );
}

/**
 * Runs `work` with what a handler gets, until the tool's time is up or the step is cancelled. The time that the tool or its calls
 * of the ERP wait for their limits is not the tool's.
 */
async function inTime<T>(
  call: Call,
  {
    key,
    mayWrite,
    onChange = () => {},
    connector,
    mayKnow = false,
  }: {
    readonly key: string;
    readonly mayWrite: boolean;
    readonly onChange?: () => void;
    readonly connector: Connector;
    /** Whether what the run knows already may answer it. @default false */
    readonly mayKnow?: boolean;
  },
  work: (context: ToolContext) => Promise<T>,
): Promise<T> {
  const { tool, scope } = call;
  const timeoutMs = timeoutOf(call);
  const late = new AbortController();
  const signal = AbortSignal.any([scope.signal, late.signal]);
  const message = `Tool '${tool.name}' did not end within ${timeoutMs} ms.`;
  const deadline = new Deadline(systemClock, timeoutMs, () =>
    late.abort(new EngineError('TOOL_FAILED', message)),
  );
  const asked = limited(connector, scope, deadline);
  const erp = erpFor(mayKnow ? remembering(asked, call, { deadline, signal }) : asked, {
    entities: scope.entities,
    tenantId: scope.tenantId,
    key: () => (mayWrite ? key : ''),
    // What the first version had under way lies in the ERP under the names that it gave.
    naming: scope.journal === 1 ? 'place' : 'command',
    signal,
    onRead: (rows) => {
      call.records += rows;
    },
  });
  const leave = await scope.enter(`tool:${tool.name}`);
  try {
    // It may have been cancelled while its rights were looked up, or its limit let nobody in: then nothing tells of that any more.
    signal.throwIfAborted();
    deadline.resume();
    return await Promise.race([
      aborted(signal),
      work({
        ...outsideOf(call, { mayWrite: mayWrite && key !== '', onChange, signal }),
        erp,
        today: scope.businessDate,
        key,
        signal,
      }),
    ]);
  } finally {
    deadline.pause();
    leave?.();
  }
}

/** Rejects when the signal aborts: a handler that does not heed it must not keep its step. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** The connector, whose calls wait until the ERP allows one more. */
function limited(connector: Connector, { enter }: StepScope, deadline: Deadline): Connector {
  const within = async <R>(work: () => Promise<R>): Promise<R> => {
    const entering = enter('erp');
    if (!entering) return await work();
    deadline.pause();
    const leave = await entering;
    deadline.resume();
    try {
      return await work();
    } finally {
      leave();
    }
  };
  return {
    describe: () => connector.describe(),
    query: (query, options) => within(() => connector.query(query, options)),
    changes: (cursor, options) => within(() => connector.changes(cursor, options)),
    apply: (command, options) => within(() => connector.apply(command, options)),
    close: () => connector.close(),
  };
}

/** The connector, which asks for stops before the first command and for the lease before each, and keeps in mind what became of it. */
function heeded({ tool, scope }: Call, key: string, commands: Commands): Connector {
  const { connector } = scope;
  return {
    describe: () => connector.describe(),
    query: (query, options) => connector.query(query, options),
    changes: (cursor, options) => connector.changes(cursor, options),
    close: () => connector.close(),
    async apply(command, options) {
      // What has begun to write is not left half done; what is sent may have left before.
      if (!commands.hasWritten && tool.effect !== 'send') await awaitClearance(scope, key);
      refuseUnlessOwned(scope);
      let outcome: Outcome | null = null;
      // Under a key that several calls share, a first try meets what another call has done.
      const mayMeetOthers = !commands.isRepeat && !options.key.startsWith(key);
      const isOthers = (): boolean => mayMeetOthers && outcome?.kind === 'replayed';
      const endWriting = scope.known?.writing(command.entity);
      try {
        outcome = await connector.apply(command, options);
        if (!isOthers()) noteWrite(commands, command, outcome);
        return outcome;
      } finally {
        endWriting?.();
        if (isRefusal(outcome)) commands.wasRefused = true;
        else if (outcome?.kind !== 'retry' && !isOthers()) commands.hasWritten = true;
      }
    },
  };
}

function noteWrite({ writes }: Commands, { op, entity, expect }: Command, outcome: Outcome): void {
  if (outcome.kind !== 'applied' && outcome.kind !== 'replayed') return;
  const { id, version } = outcome;
  writes.push({ op, entity, id, version, ...(expect !== undefined && { expect }) });
}

function isRefusal(outcome: Outcome | null): boolean {
  return outcome !== null && ['rejected', 'conflict', 'confirm'].includes(outcome.kind);
}
