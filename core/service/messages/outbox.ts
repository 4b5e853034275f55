import { newId } from '../../base/ids.ts';
import type { Queryable } from '../../ports/db/transaction.ts';
import type { Recipients } from '../../ports/service-config.ts';

/** Something to tell people. */
export interface News {
  readonly tenantId: number;
  /** What it tells of: it is told once. */
  readonly event: string;
  /** One line. */
  readonly subject: string;
  readonly text: string;
  /** The same as a page. @default none */
  readonly html?: string;
}

/** The words of a message, until it is sent. */
export interface MessageBody {
  readonly text: string;
  readonly html?: string;
}

/**
 * Leaves a message for everybody named, in the transaction that `client` is in: it is there when what it tells of is. Sent by whoever
 * runs a `MessageSender`.
 */
export async function post(
  client: Queryable,
  news: News,
  { recipients, now }: { readonly recipients: Recipients; readonly now: Date },
): Promise<void> {
  const { to = [], slack = [] } = recipients;
  const { tenantId, event, subject, text, html } = news;
  const letters = [
    ...(to.length > 0 ? [{ way: 'mail', event, to }] : []),
    // Each channel takes it by itself.
    ...slack.map((channel) => ({ way: 'slack', event: `${event} #${channel}`, to: [channel] })),
  ];
  for (const letter of letters) {
    const body: MessageBody = {
      text,
      ...(html !== undefined && letter.way === 'mail' && { html }),
    };
    await client.query(
      `INSERT INTO tutti.message (tenant_id, id, event, way, recipients, subject, body, next_at, created_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT (tenant_id, event, way) DO NOTHING`,
      [
        ...[tenantId, newId(), letter.event, letter.way, letter.to, subject.slice(0, 200)],
        ...[JSON.stringify(body), now],
      ],
    );
  }
}
