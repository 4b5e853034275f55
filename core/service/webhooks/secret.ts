import { randomBytes } from 'node:crypto';

// Of 24 to 64 that Standard Webhooks allows: as much as the hash has.
const secretBytes = 32;

/** A new secret, as stored. */
export function newSecret(): Buffer {
  return randomBytes(secretBytes);
}

/** As whoever verifies signatures needs it. */
export function secretText(secret: Buffer): string {
  return `whsec_${secret.toString('base64')}`;
}

/** The id of a message: the same for all attempts and replays. */
export function messageId(deliveryId: string): string {
  return `msg_${deliveryId.replaceAll('-', '')}`;
}

/** What is signed. */
export interface Signed {
  readonly deliveryId: string;
  readonly body: Buffer;
  readonly at: Date;
}

/** The headers of one attempt, signed with every secret that counts, the newest first. */
export async function signedHeaders(
  { deliveryId, body, at }: Signed,
  secrets: readonly Buffer[],
): Promise<Readonly<Record<string, string>>> {
  const { Webhook } = await import('standardwebhooks');
  const id = messageId(deliveryId);
  const text = body.toString('utf8');
  const signatures = secrets.map((secret) =>
    new Webhook(secret.toString('base64')).sign(id, at, text),
  );
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': signatures.join(' '),
  };
}
