/** A server on loopback that takes webhooks and verifies them, and answers as it is told. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

/** A message that arrived. */
export interface Received {
  /** The header `webhook-id`. */
  readonly id: string;
  /** Seconds since 1970. */
  readonly timestamp: number;
  /** Whether a signature of it is by each of the secrets that count, by their place. */
  readonly signedBy: readonly boolean[];
  readonly type: string;
  readonly payload: {
    readonly type: string;
    readonly timestamp: string;
    readonly data: Readonly<Record<string, unknown>>;
  };
  readonly bytes: number;
}

/** How an answer is given: its status, or by hand. */
export type Reply =
  | number
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  | ((response: ServerResponse) => void);

export interface WebhookReceiver extends AsyncDisposable {
  readonly url: string;
  readonly origin: string;
  readonly received: readonly Received[];
  /** The most requests that were open at once. */
  readonly mostAtOnce: number;
  /** What signatures are looked at with; the test adds them. */
  readonly secrets: string[];
}

/** Opens one. */
export async function openWebhookReceiver(
  reply: (received: Received, before: readonly Received[]) => Reply = () => 204,
): Promise<WebhookReceiver> {
  const received: Received[] = [];
  const secrets: string[] = [];
  let open = 0;
  let mostAtOnce = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    open += 1;
    mostAtOnce = Math.max(mostAtOnce, open);
    response.on('close', () => {
      open -= 1;
    });
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const message = read(request, Buffer.concat(chunks), secrets);
      const before = [...received];
      received.push(message);
      answer(response, reply(message, before));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  return {
    url: `${origin}/hooks`,
    origin,
    received,
    secrets,
    get mostAtOnce() {
      return mostAtOnce;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function read({ headers }: IncomingMessage, body: Buffer, secrets: readonly string[]): Received {
  const id = String(headers['webhook-id']);
  const timestamp = Number(headers['webhook-timestamp']);
  const given = String(headers['webhook-signature']).split(' ');
  const payload = JSON.parse(body.toString('utf8')) as Received['payload'];
  // The clock of a test may be days ahead, which `verify` would refuse; it signs as here and compares.
  const signedBy = secrets.map((secret) =>
    given.includes(new Webhook(secret).sign(id, new Date(timestamp * 1_000), body)),
  );
  return { id, timestamp, signedBy, type: payload.type, payload, bytes: body.length };
}

function answer(response: ServerResponse, reply: Reply): void {
  if (typeof reply === 'function') return reply(response);
  const { status, headers = {}, body = '' } = typeof reply === 'number' ? { status: reply } : reply;
  response.writeHead(status, headers).end(body);
}
