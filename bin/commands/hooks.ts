import { countOf } from '../../core/service/batch/format.ts';
import type { EventView, HookStore, HookView } from '../../core/service/hooks/hook-store.ts';
import { actionIn } from '../arguments.ts';
import { withTenant } from '../call-host.ts';
import type { Call, Command } from '../command.ts';
import { actorOfCall } from '../operator.ts';
import { hookStoreOf } from '../parts/hooks-of.ts';
import { table } from '../terminal.ts';

/** What a sub-command works with. */
interface Desk {
  readonly store: HookStore;
  readonly tenantId: number;
}

type Action = (call: Call, desk: Desk, named: string | undefined) => Promise<void>;

const actions: Readonly<Record<string, Action>> = { list, events, replay, pause, resume };

/** `tutti hooks`: which ERP events start what, what came, and what became of it. */
export const hooks: Command = (call) => {
  const [action = 'list', named] = call.args.positionals;
  const act = actionIn('hooks', actions, action);
  return withTenant(call, (host, tenantId) =>
    act(call, { store: hookStoreOf(host), tenantId }, named),
  );
};

async function list({ terminal }: Call, { store, tenantId }: Desk): Promise<void> {
  const views = await store.list(tenantId);
  if (terminal.isJson) return terminal.print(views);
  for (const line of table(views.map(cellsOf))) terminal.say(line);
  terminal.say(`${countOf(views.length, 'hook')}.`);
}

function cellsOf({ name, entity, types, when, edge, workflow, paused, dead, waiting }: HookView) {
  const what = [entity, ...types].filter(Boolean).join(' ');
  const condition = when === null ? '' : `${edge === null ? 'while' : edge} ${when}`;
  const state = [
    paused ? `paused by ${paused.actor.id}` : '',
    waiting > 0 ? `${waiting} waiting` : '',
    dead > 0 ? `${dead} dead` : '',
  ];
  return [name, what, condition, `→ ${workflow}`, state.filter(Boolean).join(', ')];
}

async function events({ args, terminal }: Call, { store, tenantId }: Desk): Promise<void> {
  const views = await store.events(tenantId, {
    limit: args.integer('limit', { from: 1, to: 1_000 }) ?? 20,
    hook: args.text('hook'),
    source: args.text('source'),
    state: args.has('dead') ? 'dead' : undefined,
  });
  if (terminal.isJson) return terminal.print(views);
  for (const line of table(views.flatMap(rowsOf))) terminal.say(line);
  terminal.say(views.length === 0 ? 'No ERP events.' : `${countOf(views.length, 'ERP event')}.`);
}

function rowsOf(event: EventView): readonly (readonly string[])[] {
  const { id, source, type, entity, recordId, version, receivedAt, firings } = event;
  const record = entity === null ? (type ?? '') : `${entity} ${recordId ?? ''}`;
  const head = [id, receivedAt.toISOString().slice(0, 19), source, record, version ?? ''];
  const [first = '', ...more] = firings.map(({ hook, state, reason, runId, error }) =>
    [`${hook}: ${state}`, reason ?? error?.code ?? runId ?? ''].filter(Boolean).join(' '),
  );
  return [[...head, first], ...more.map((each) => ['', '', '', '', '', each])];
}

async function replay(call: Call, { store, tenantId }: Desk, id = ''): Promise<void> {
  const { args, terminal } = call;
  const view = await store.replay({
    tenantId,
    id,
    hook: args.text('hook'),
    actor: actorOfCall(call),
  });
  if (terminal.isJson) return terminal.print(view);
  const names = view.firings.filter(({ state }) => state === 'waiting').map(({ hook }) => hook);
  terminal.say(
    `Fires again within a second where an engine serves: ${names.join(', ')}. A replay is exempt from deduplication: a change that has started a run starts another one.`,
  );
}

async function pause(call: Call, { store, tenantId }: Desk, hook = ''): Promise<void> {
  const reason = call.args.text('reason');
  const view = await store.pause({ tenantId, hook, actor: actorOfCall(call), reason });
  if (call.terminal.isJson) return call.terminal.print(view);
  call.terminal.say(
    `'${hook}' is paused; what comes for it waits. Let it fire with: tutti hooks resume ${hook}`,
  );
}

async function resume(call: Call, { store, tenantId }: Desk, hook = ''): Promise<void> {
  const view = await store.resume({ tenantId, hook, actor: actorOfCall(call) });
  if (call.terminal.isJson) return call.terminal.print(view);
  call.terminal.say(`'${hook}' fires; ${countOf(view.waiting, 'firing')} waited.`);
}
