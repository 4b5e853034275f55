import { countOf } from '../../core/service/batch/format.ts';
import type { DeliveryLog } from '../../core/service/webhooks/delivery-log.ts';
import type { EndpointView, NewEndpoint, Webhooks } from '../../core/service/webhooks/endpoints.ts';
import {
  type WebhookEventType,
  webhookEvents,
  webhookEventTypes,
} from '../../core/service/webhooks/event-types.ts';
import { type Arguments, actionIn, wrongUse } from '../arguments.ts';
import { withTenant } from '../call-host.ts';
import type { Command } from '../command.ts';
import { operator } from '../operator.ts';
import { webhooksOf } from '../parts/webhooks-of.ts';
import { type Terminal, table } from '../terminal.ts';

const wrong = wrongUse('webhooks');

const shownDeliveries = 50;

/** `tutti webhooks`: who is told of what happens, and what was delivered. */
export const webhooks: Command = (call) => {
  const [act = 'list', what] = call.args.positionals;
  const work = actionIn('webhooks', acts, act);
  return withTenant(call, async (host, tenantId) => {
    const whose = { tenantId, actor: operator() };
    await work({ ...webhooksOf(host), ...call, whose, what });
  });
};

interface Asked {
  readonly webhooks: Webhooks;
  readonly log: DeliveryLog;
  readonly args: Arguments;
  readonly terminal: Terminal;
  readonly whose: Parameters<Webhooks['add']>[0];
  readonly what: string | undefined;
}

const acts: Readonly<Record<string, (asked: Asked) => Promise<void>>> = {
  async list({ webhooks: store, terminal, whose }) {
    const views = await store.list(whose.tenantId);
    if (terminal.isJson) return terminal.print(views);
    for (const line of table(views.map(cellsOf))) terminal.say(line);
    terminal.say(`${countOf(views.length, 'webhook endpoint')}.`);
  },
  async add(asked) {
    const { args } = asked;
    const types = listOf(args, 'types').map(eventType);
    const input = { url: named(asked, 'a URL'), types, modules: listOf(args, 'modules') };
    const more = { companies: listOf(args, 'companies'), about: args.text('about') };
    tellSecret(asked, await asked.webhooks.add(asked.whose, { ...input, ...more }));
  },
  async remove(asked) {
    await asked.webhooks.remove(asked.whose, named(asked));
    asked.terminal.say('Removed, with its deliveries.');
  },
  async rotate(asked) {
    const overlapHours = asked.args.integer('overlap', { from: 0, to: 720 });
    tellSecret(asked, await asked.webhooks.rotate(asked.whose, named(asked), { overlapHours }));
  },
  async ping(asked) {
    const delivery = await asked.webhooks.ping(asked.whose, named(asked));
    asked.terminal.say(
      `Delivery ${delivery} is due; the process that serves makes it. Look: tutti webhooks deliveries`,
    );
  },
  disable: (asked) => change(asked, true),
  enable: (asked) => change(asked, false),
  async deliveries(asked) {
    const { log, terminal, whose, what: webhookId, args } = asked;
    const state = args.has('failed') ? ('failed' as const) : undefined;
    const views = await log.list(whose.tenantId, { webhookId, state, limit: shownDeliveries });
    if (terminal.isJson) return terminal.print(views);
    const rows = views.map((each) => [
      each.createdAt.toISOString().slice(0, 19),
      each.id,
      each.type,
      each.state,
      countOf(each.attempts, 'attempt'),
      each.error ?? String(each.status ?? ''),
    ]);
    for (const line of table(rows)) terminal.say(line);
    if (rows.length === 0) terminal.say('Nothing was delivered yet.');
  },
  async replay(asked) {
    const { id, type } = await asked.log.replay(asked.whose, named(asked));
    asked.terminal.say(`${type}, ${id}, is due again.`);
  },
  async types({ terminal }) {
    if (terminal.isJson) return terminal.print(webhookEventTypes);
    const rows = webhookEventTypes.map((type) => [type, webhookEvents[type].about]);
    for (const line of table(rows)) terminal.say(line);
  },
};

async function change(asked: Asked, disabled: boolean): Promise<void> {
  await asked.webhooks.change(asked.whose, named(asked), { disabled });
  asked.terminal.say(disabled ? 'Disabled.' : 'Enabled: it is told of what happens from now on.');
}

function tellSecret({ terminal }: Asked, made: NewEndpoint): void {
  if (terminal.isJson) return terminal.print(made);
  terminal.say(`Webhook endpoint ${made.webhook.id}: ${made.webhook.url}`);
  terminal.say(`Secret, shown this once: ${made.secret}`);
}

function cellsOf(view: EndpointView): readonly string[] {
  const { id, url, types, disabledAt, disabledBy, pending } = view;
  const filters = [...view.modules, ...view.companies].join(',');
  const state = disabledAt ? `disabled (${disabledBy})` : `${pending} waiting`;
  return [id, url, types.join(',') || 'everything', filters, state];
}

/** @throws INPUT_INVALID for an empty one, which would mean all of them */
function listOf(args: Arguments, flag: string): readonly string[] {
  const text = args.text(flag);
  if (text === undefined) return [];
  const items = text.split(',').map((each) => each.trim());
  if (!items.includes('')) return items;
  throw wrong(`takes names with commas between them for --${flag}; without it all are meant`);
}

/** @throws INPUT_INVALID */
function eventType(name: string): WebhookEventType {
  if (webhookEventTypes.includes(name as WebhookEventType)) return name as WebhookEventType;
  throw wrong(`knows no event '${name}'; see: tutti webhooks types`);
}

/** @throws INPUT_INVALID */
function named({ what }: Asked, needed = 'an id'): string {
  if (what !== undefined) return what;
  throw wrong(`needs ${needed}`);
}
