import type { Request, Response } from 'express';
import type { Clock } from '../../base/clock.ts';
import { EngineError, isEngineError } from '../../base/errors.ts';
import type { Metrics } from '../../base/telemetry/metrics.ts';
import { mayPass, translateDbError } from '../../ports/db/db-error.ts';
import { Rate } from '../api/rate.ts';
import { Bodies, largestPostBytes, tooLarge } from './bodies.ts';
import { type Posted, readPost } from './cloud-events.ts';
import type { Delivery, Recorded } from './intake.ts';
import type { Source } from './sources.ts';
import type { Post } from './verify.ts';

/** What posts are received with. */
export interface ReceiverParts {
  readonly sources: ReadonlyMap<string, Source>;
  /** The tenant of a source. @throws TENANT_UNKNOWN · TENANT_SUSPENDED */
  readonly tenantOf: (source: Source) => Promise<number>;
  readonly record: (delivery: Delivery) => Promise<Recorded>;
  readonly clock: Clock;
  /** Told of posts that are not taken. @default nobody counts */
  readonly metrics?: Metrics;
}

/** How long a source's tenant is known without asking; a tenant that is suspended is refused that much later. */
const tenantMs = 1_000;
const busySeconds = 1;
const awaySeconds = 5;

/** A sender's question whether this address is what it takes it for, with what to answer. */
interface Handshake {
  readonly type: 'json' | 'text';
  readonly answer: unknown;
}

/** Receives the posts of sources: verified first, then read, then recorded; whoever gets an answer of 2xx need not send again. */
export class HookReceiver {
  readonly #parts: ReceiverParts;
  readonly #rates: ReadonlyMap<string, Rate>;
  readonly #tenants = new Map<string, { readonly until: number; readonly id: Promise<number> }>();
  readonly #bodies = new Bodies();

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
    this.#rates = new Map(
      [...parts.sources.values()].map(({ name, requestsPerMinute }) => [
        name,
        new Rate({ perMinute: requestsPerMinute }),
      ]),
    );
  }

  /**
   * Answers a post to a source: 202 when its events are on record, whether they are new or not; 200 to a handshake.
   * @throws HOOK_UNKNOWN · RATE_LIMITED · BODY_TOO_LARGE · MEDIA_UNSUPPORTED · HOOK_REFUSED · INPUT_INVALID · EXPRESSION_INVALID · TENANT_* · DB_*
   */
  async receive(request: Request, response: Response): Promise<void> {
    try {
      await this.#receive(request, response);
    } catch (error) {
      const name = String(request.params.source);
      // Names that a caller makes up count together.
      const source = this.#parts.sources.has(name) ? name : 'unknown';
      const reason = isEngineError(error) ? error.code : 'INTERNAL';
      this.#parts.metrics?.add('tutti.hooks.refused', 1, { source, reason });
      throw error;
    }
  }

  async #receive(request: Request, response: Response): Promise<void> {
    const source = this.#sourceOf(request);
    await this.#rates.get(source.name)?.use(request.ip ?? '', 1, response);
    const post = await this.#read(request);
    const verdict = source.verify(post);
    if (verdict.kind === 'refused')
      throw new EngineError('HOOK_REFUSED', `This post to '${source.name}' ${verdict.why}.`);
    const handshake = handshakeOf(source, post);
    if (handshake) {
      response.status(200);
      if (handshake.type === 'text') response.type('text/plain').send(handshake.answer);
      else response.json(handshake.answer);
      return;
    }
    response.status(202).json(await this.#record(source, post, verdict.id));
  }

  /**
   * Answers whether a sender of CloudEvents may send here: the abuse protection of webhooks, which grants nothing that a post's own proof
   * does not. @throws HOOK_UNKNOWN
   * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md#4-abuse-protection
   */
  allow(request: Request, response: Response): void {
    const source = this.#sourceOf(request);
    const origin = request.get('WebHook-Request-Origin');
    response.set('Allow', 'OPTIONS, POST');
    if (origin !== undefined && source.origins.includes(origin.toLowerCase())) {
      const asked = Number(request.get('WebHook-Request-Rate') ?? Number.POSITIVE_INFINITY);
      const rate = Math.min(asked > 0 ? asked : 1, source.requestsPerMinute);
      response.set({
        'WebHook-Allowed-Origin': origin,
        'WebHook-Allowed-Rate': String(Math.floor(rate)),
      });
    }
    response.status(200).end();
  }

  #sourceOf({ params }: Request): Source {
    const name = String(params.source);
    const source = this.#parts.sources.get(name);
    if (source) return source;
    throw new EngineError(
      'HOOK_UNKNOWN',
      `There is no source '${name.slice(0, 64)}'; sources stand in tutti.config.ts under hooks.sources.`,
    );
  }

  #tenantOf(source: Source): Promise<number> {
    const { clock, tenantOf } = this.#parts;
    const known = this.#tenants.get(source.name);
    if (known && clock.monotonic() < known.until) return known.id;
    const id = tenantOf(source);
    this.#tenants.set(source.name, { until: clock.monotonic() + tenantMs, id });
    return id;
  }

  async #record(source: Source, post: Post, messageId: string | null): Promise<Recorded> {
    const posted: Posted = readPost(post);
    const told = { headers: post.headers, messageId, now: post.now };
    const events = source.mapping.eventsOf(posted, told);
    try {
      const tenantId = await this.#tenantOf(source);
      return await this.#parts.record({ tenantId, source: source.name, events });
    } catch (error) {
      if (mayPass(error)) throw comeAgain(translateDbError(error), awaySeconds);
      if (isEngineError(error) && error.code === 'RATE_LIMITED')
        throw comeAgain(error, busySeconds);
      throw error;
    }
  }

  /** The bytes that were sent, as they are: a signature is over them. */
  async #read(request: Request): Promise<Post> {
    const { now, told } = {
      now: this.#parts.clock.now(),
      told: Number(request.get('Content-Length') ?? 0),
    };
    if (told > largestPostBytes) throw tooLarge();
    const encoding = request.get('Content-Encoding') ?? 'identity';
    if (encoding !== 'identity')
      throw new EngineError(
        'MEDIA_UNSUPPORTED',
        'Send the body as it is, without Content-Encoding.',
      );
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    const query = new URL(request.originalUrl, 'http://hooks').searchParams;
    return { headers, query, body: await this.#bodies.read(request), now };
  }
}

/** The questions of senders that ask by a post; it has been verified like any other. */
function handshakeOf({ preset }: Source, post: Post): Handshake | null {
  if (preset === 'business-central') {
    const token = post.query.get('validationToken');
    return token === null ? null : { type: 'text', answer: token.slice(0, 2_000) };
  }
  if (preset !== 'event-grid') return null;
  if (post.headers['aeg-event-type'] !== 'SubscriptionValidation') return null;
  const { items, body } = readPost(post);
  const [first] = items.length > 0 ? items : ((Array.isArray(body) ? body : [body]) as unknown[]);
  const code = (first as { readonly data?: { readonly validationCode?: unknown } } | null)?.data
    ?.validationCode;
  if (typeof code === 'string') return { type: 'json', answer: { validationResponse: code } };
  throw new EngineError('INPUT_INVALID', 'This validation of a subscription has no code.');
}

function comeAgain({ code, message, cause }: EngineError, seconds: number): EngineError {
  return new EngineError(code, message, { cause, details: { retryAfterSeconds: seconds } });
}
