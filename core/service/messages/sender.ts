import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import { EngineError, toErrorData } from '../../base/errors.ts';
import type { MessageWay } from '../../ports/db/states.ts';
import { isSuspended } from '../../ports/db/suspended.ts';
import type { HttpSeams } from '../../ports/http/connector.ts';
import type { MailConfig } from '../../ports/mail/mail.ts';
import { Ticker } from '../ticker.ts';
import type { MessageBody } from './outbox.ts';

/** What messages are sent with. */
export interface SenderParts {
  /** Of `tutti_engine`. */
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
  readonly mail?: MailConfig | undefined;
  /** Channels, by the environment variable that holds the webhook of each. */
  readonly slack?: Readonly<Record<string, string>> | undefined;
  /** How Slack is reached. @default the network */
  readonly seams?: HttpSeams;
  readonly onError: (error: unknown) => void;
}

const everyMs = 5_000;
/** Longer than a mail server may take: a claim lapses only where an engine has died. */
const claimMs = 180_000;
const atOnce = 10;
/** From the failure of one attempt to the next; after the last it is given up, some 16 hours after it was written. */
const delaysMs = [30_000, 120_000, 600_000, 1_800_000, 3_600_000, 14_400_000, 36_000_000];

interface MessageRow {
  readonly tenant_id: number;
  readonly id: string;
  readonly way: MessageWay;
  readonly recipients: readonly string[];
  readonly subject: string;
  readonly body: MessageBody;
  readonly attempt: number;
}

/**
 * Sends what `post` has left, each message by one engine at a time. A server that took a message while its sender died gets it again,
 * under the same Message-ID: at the very end mail can only be delivered at least once. Those of a tenant that is suspended wait.
 */
export class MessageSender {
  readonly #parts: SenderParts;
  readonly #closing = new AbortController();
  readonly #ticker: Ticker;

  constructor(parts: SenderParts) {
    this.#parts = parts;
    const { clock, onError } = parts;
    this.#ticker = new Ticker({ clock, everyMs, work: () => this.sendDue(), onError });
  }

  async start(): Promise<void> {
    this.#ticker.wake();
  }

  async close(): Promise<void> {
    this.#closing.abort(new EngineError('ENGINE_STOPPED', 'The engine stops.'));
    await this.#ticker.close();
  }

  /** Sends everything that is due; what fails is tried again later. */
  async sendDue(): Promise<void> {
    for (let isMore = true; isMore && !this.#closing.signal.aborted; ) {
      const claimed = await this.#claim();
      await Promise.all(claimed.map((message) => this.#deliver(message)));
      isMore = claimed.length === atOnce;
    }
  }

  async #claim(): Promise<readonly MessageRow[]> {
    const now = this.#parts.clock.now();
    const { rows } = await this.#parts.pool.query<MessageRow>(
      `UPDATE tutti.message m SET attempt = m.attempt + 1, claimed_until = $2 FROM (SELECT tenant_id, id FROM tutti.message d
         WHERE state = 'pending' AND next_at <= $1 AND (claimed_until IS NULL OR claimed_until <= $1) AND NOT ${isSuspended('d.tenant_id')}
         ORDER BY next_at LIMIT ${atOnce} FOR UPDATE SKIP LOCKED) due
       WHERE m.tenant_id = due.tenant_id AND m.id = due.id
       RETURNING m.tenant_id, m.id, m.way, m.recipients, m.subject, m.body, m.attempt::int AS attempt`,
      [new Date(now), new Date(now + claimMs)],
    );
    return rows;
  }

  async #deliver(message: MessageRow): Promise<void> {
    try {
      const rejected = await this.#send(message);
      if (rejected.length === 0) await this.#end(message, 'sent', null);
      else await this.#postpone(message, partlyRefused(message, rejected), rejected);
    } catch (error) {
      await this.#postpone(message, error, message.recipients);
    }
  }

  /** Lets it wait for the next attempt, for those that are `left`; after the last it is given up. */
  async #postpone(message: MessageRow, error: unknown, left: readonly string[]): Promise<void> {
    const { pool, clock, onError } = this.#parts;
    const delay = delaysMs[message.attempt - 1];
    const { code } = toErrorData(error);
    if (delay === undefined) {
      await this.#end(message, 'failed', code);
      onError(error);
      return;
    }
    await pool.query(
      `UPDATE tutti.message SET next_at = $4, claimed_until = NULL, error = $5, recipients = $6 WHERE tenant_id = $1 AND id = $2 AND attempt = $3 AND state = 'pending'`,
      [...named(message), new Date(clock.now() + delay), code, left],
    );
  }

  /** What was sent is with who got it: nothing of it is kept. */
  async #end(message: MessageRow, state: 'sent' | 'failed', error: string | null): Promise<void> {
    await this.#parts.pool.query(
      `UPDATE tutti.message SET state = $4, body = NULL, claimed_until = NULL, ended_at = $5, error = $6
       WHERE tenant_id = $1 AND id = $2 AND state = 'pending' AND (attempt = $3 OR $4 = 'sent')`,
      [...named(message), state, new Date(this.#parts.clock.now()), error],
    );
  }

  /** Returns those whom the server has not taken it for. */
  async #send({ id, way, recipients, subject, body }: MessageRow): Promise<readonly string[]> {
    const { env, mail, slack, seams } = this.#parts;
    const { signal } = this.#closing;
    if (way === 'slack') {
      const { openSlack } = await import('../../ports/slack/slack.ts');
      const [channel = ''] = recipients;
      const text = `${subject}\n${body.text}`.slice(0, longestSlack);
      await openSlack(slack, env, seams)(signal).post({ channel, text });
      return [];
    }
    if (!mail) {
      throw new EngineError(
        'CONFIG_INVALID',
        "There are messages to send by mail and no mail server; set 'mail' in the configuration.",
      );
    }
    const { sendLetter } = await import('../../ports/mail/mail.ts');
    const letter = { to: recipients, subject, id, ...body };
    return (await sendLetter(letter, { config: mail, env, signal })).rejected;
  }
}

function partlyRefused({ recipients }: MessageRow, rejected: readonly string[]): EngineError {
  return new EngineError(
    'MAIL_REFUSED',
    `The mail server takes a message for ${recipients.length - rejected.length} of ${recipients.length} recipients; look at its log.`,
  );
}

// Slack shows about this much of a message; the report is longer only where very much has changed.
const longestSlack = 3_900;

function named({ tenant_id, id, attempt }: MessageRow): readonly unknown[] {
  return [tenant_id, id, attempt];
}
