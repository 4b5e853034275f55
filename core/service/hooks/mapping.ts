import { createHash } from 'node:crypto';
import { EngineError } from '../../base/errors.ts';
import {
  type Expression,
  type ExpressionScope,
  parseExpression,
} from '../../engine/graph/expression.ts';
import type { HookMapping, HookSource } from '../../ports/hooks-config.ts';
import type { Item, Posted } from './cloud-events.ts';
import { cloudEventMapping, plainMapping, presets } from './presets.ts';
import type { ReceivedEvent } from './received.ts';

/** What a post's events say, for one source. */
export interface Mapping {
  /** @throws INPUT_INVALID · EXPRESSION_INVALID */
  eventsOf(posted: Posted, told: Told): readonly ReceivedEvent[];
}

/** What is known beside the body. */
interface Told {
  readonly headers: Readonly<Record<string, string>>;
  /** What the scheme of the signature calls the message by. */
  readonly messageId: string | null;
  readonly now: number;
}

type Fact = Exclude<keyof HookMapping, 'events'>;
type Facts = Readonly<Record<Fact, Expression>>;

const facts: readonly Fact[] = ['id', 'type', 'entity', 'record', 'version', 'time'];
/** In bytes: what is indexed together must fit a page of an index. */
const longestFact = {
  id: 500,
  type: 500,
  entity: 200,
  record: 200,
  version: 200,
  time: 100,
} as const;
const mostEvents = 10_000;
/** How long one body is known for the same event, of senders that tell neither an id, a version nor a time. */
const sameBodyMs = 60_000;

/** Parses the expressions of a source. @throws EXPRESSION_INVALID naming the place in the configuration */
export function mappingOf(name: string, source: Omit<HookSource, 'verify'>): Mapping {
  const { preset, mapping = {}, entities } = source;
  const usual = preset === undefined ? plainMapping : presets[preset];
  const path = `hooks.sources.${name}.mapping`;
  const plain = parseFacts({ ...plainMapping, ...usual, ...mapping }, path);
  const cloud = parseFacts({ ...cloudEventMapping, ...mapping }, path);
  const listed = mapping.events ?? usual.events;
  const events = listed === undefined ? null : parseExpression({ cel: listed }, `${path}.events`);
  const canonical = (entity: string | null): string | null =>
    entity === null || !entities
      ? entity
      : (Object.hasOwn(entities, entity) && entities[entity]) || null;
  return {
    eventsOf(posted, told) {
      const isCloud = posted.kind === 'cloud-events';
      const items = isCloud ? posted.items : itemsOf(posted.body, events, told);
      return items.map((item, index) => {
        const scope = { item, body: posted.body, headers: told.headers };
        const read = readFacts(isCloud ? cloud : plain, scope);
        const key = keyOf({ item, index, isCloud, read, told });
        const { type, record, version } = read;
        const time = timeOf(read.time);
        const data = isCloud ? (item.data ?? null) : item;
        return {
          ...{ key, type, version, time, data },
          entity: canonical(read.entity),
          recordId: record,
        };
      });
    },
  };
}

function parseFacts(mapping: HookMapping, path: string): Facts {
  return Object.fromEntries(
    facts.map((fact) => [
      fact,
      parseExpression({ cel: mapping[fact] ?? 'null' }, `${path}.${fact}`),
    ]),
  ) as Facts;
}

function itemsOf(body: unknown, events: Expression | null, { headers }: Told): readonly Item[] {
  const listed = events ? events(scopeOf({ body, headers })) : body;
  const items = Array.isArray(listed) ? listed : [listed];
  const isFit = items.every((each) => each !== null && typeof each === 'object');
  if (isFit && items.length <= mostEvents) return items as readonly Item[];
  throw new EngineError(
    'INPUT_INVALID',
    `The body must hold events as JSON objects, at most ${mostEvents}.`,
  );
}

type Read = Readonly<Record<Fact, string | null>>;

function readFacts(expressions: Facts, scope: object): Read {
  return Object.fromEntries(
    facts.map((fact) => [fact, textOf(fact, expressions[fact](scopeOf(scope)))]),
  ) as Read;
}

/** Expressions take the scope's members by their names, whatever these are. */
function scopeOf(scope: object): ExpressionScope {
  return scope as ExpressionScope;
}

/** @throws INPUT_INVALID */
function textOf(fact: Fact, value: unknown): string | null {
  // Odoo says false where there is nothing.
  if (value === null || value === undefined || value === '' || value === false) return null;
  const text = typeof value === 'number' ? String(value) : value;
  // No database keeps NUL, and no name has another control character.
  const isFit = typeof text === 'string' && !/\p{Cc}/u.test(text);
  if (isFit && Buffer.byteLength(text) <= longestFact[fact] && text.isWellFormed()) return text;
  throw new EngineError(
    'INPUT_INVALID',
    `The ${fact} of an event must be a text of at most ${longestFact[fact]} bytes, or a number.`,
  );
}

function timeOf(text: string | null): string | null {
  if (text === null || !/^\d{4}-\d{2}-\d{2}T/.test(text)) return null;
  const at = Date.parse(text);
  // No event is older than computers, or so far off that its year has five digits.
  return at >= 0 && at < Date.UTC(9_999, 0) ? new Date(at).toISOString() : null;
}

/**
 * What tells an event from all others of its source. CloudEvents: source and id. Standard Webhooks: the message, and its place in it.
 * Else what the mapping says, else a digest of the event; where that tells no version and no time, two changes may look the same, so that
 * an equal event is taken for the same for a minute only. An event too many costs a look at the record.
 */
function keyOf(of: {
  readonly item: Item;
  readonly index: number;
  readonly isCloud: boolean;
  readonly read: Read;
  readonly told: Told;
}): string {
  const { item, index, isCloud, read, told } = of;
  if (isCloud && read.id === null) return `${String(item.source)} ${String(item.id)}`;
  if (read.id !== null) return read.id;
  if (told.messageId !== null) return index === 0 ? told.messageId : `${told.messageId} ${index}`;
  const digest = digestOf(item);
  if (read.version !== null || read.time !== null) return digest;
  return `${digest} ${Math.floor(told.now / sameBodyMs)}`;
}

/** @throws INPUT_INVALID for what is nested so deep that it cannot be written */
function digestOf(item: Item): string {
  try {
    return createHash('sha256').update(JSON.stringify(item)).digest('base64url');
  } catch (cause) {
    throw new EngineError('INPUT_INVALID', 'The body is nested too deep.', { cause });
  }
}
