import type { Generated, GeneratedAlways } from 'kysely';
import type { DefaultedTime, Json, NullableJson, NullableTime, Time } from './columns.ts';
import type { MessageState, MessageWay, WebhookEnd } from './states.ts';

/*
 * The tables of what the service tells others: webhooks, messages, the morning report and alerts; see tables.ts.
 */

/** An endpoint that is told of events. */
export interface WebhookTable {
  readonly tenantId: number;
  readonly id: string;
  readonly url: string;
  readonly about: Generated<string>;
  readonly types: Generated<readonly string[]>;
  readonly modules: Generated<readonly string[]>;
  readonly companies: Generated<readonly string[]>;
  readonly concurrency: Generated<number>;
  readonly enabledAt: DefaultedTime;
  readonly disabledAt: NullableTime;
  readonly disabledBy: WebhookEnd | null;
  readonly lastSuccessAt: NullableTime;
  readonly createdAt: DefaultedTime;
  readonly createdBy: Json;
}

/** What deliveries to an endpoint are signed with. */
export interface WebhookSecretTable {
  readonly tenantId: number;
  readonly webhookId: string;
  readonly id: string;
  readonly secret: Buffer;
  /** The key that it is sealed under; null: it lies there as it is. */
  readonly keyId: string | null;
  readonly createdAt: Time;
  readonly expiresAt: NullableTime;
}

/** Up to where a tenant's feed has been made into deliveries. */
export interface WebhookPlaceTable {
  readonly tenantId: number;
  readonly tx: number;
  readonly runId: string;
}

/** One try to deliver. */
export interface DeliveryAttemptTable {
  readonly tenantId: number;
  readonly deliveryId: string;
  readonly no: number;
  readonly beganAt: Time;
  readonly durationMs: number | null;
  readonly status: number | null;
  readonly error: string | null;
  readonly answer: string | null;
}

/** What happened outside of run journals, until deliveries are made of it. */
export interface NoticeTable {
  readonly id: GeneratedAlways<number>;
  readonly tenantId: number;
  readonly type: string;
  readonly subject: string;
  readonly state: string;
  readonly at: DefaultedTime;
}

/** A message to people. */
export interface MessageTable {
  readonly tenantId: number;
  readonly id: string;
  readonly event: string;
  readonly way: MessageWay;
  readonly recipients: readonly string[];
  readonly subject: string;
  readonly body: NullableJson;
  readonly attempt: Generated<number>;
  readonly nextAt: Time;
  readonly claimedUntil: NullableTime;
  readonly state: Generated<MessageState>;
  readonly error: string | null;
  readonly createdAt: Time;
  readonly endedAt: NullableTime;
}

/** A night that was reported. */
export interface MorningReportTable {
  readonly tenantId: number;
  readonly night: string;
  readonly at: Time;
}

/** What is past its threshold, or was. */
export interface AlertTable {
  readonly tenantId: number;
  readonly rule: string;
  readonly subject: string;
  readonly detail: Json;
  readonly raisedAt: Time;
  readonly toldAt: Time;
  readonly overAt: NullableTime;
}

/** Whose turn something was last. */
export interface ServiceTurnTable {
  readonly name: string;
  readonly at: Time;
}
