/** A mail server on loopback that speaks as much of SMTP (RFC 5321) as a sender needs to hear. */
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A message that it has taken. */
export interface Delivered {
  readonly from: string;
  readonly to: readonly string[];
  /** Headers and body, as they came. */
  readonly data: string;
}

export interface SmtpServer extends AsyncDisposable {
  readonly url: string;
  readonly messages: readonly Delivered[];
  readonly connections: number;
}

/** What it answers instead of taking everything. */
export interface SmtpManners {
  /** By recipient. */
  readonly recipient?: (address: string) => string;
  /** To the message itself; null breaks the connection off. */
  readonly data?: string | null;
}

/** Opens one. */
export async function openSmtpServer(manners: SmtpManners = {}): Promise<SmtpServer> {
  const messages: Delivered[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket.on('error', () => undefined).on('close', () => sockets.delete(socket)));
    converse(socket, manners, (message) => messages.push(message));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    messages,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function converse(socket: Socket, manners: SmtpManners, take: (message: Delivered) => void): void {
  let from = '';
  let to: string[] = [];
  let data: string[] | null = null;
  const say = (line: string) => socket.write(`${line}\r\n`);
  const hear = (line: string): void => {
    if (data && line !== '.') data.push(line);
    else if (data) {
      if (manners.data === null) {
        socket.destroy();
        return;
      }
      if (manners.data === undefined) take({ from, to, data: data.join('\n') });
      data = null;
      say(manners.data ?? '250 taken');
    } else answer(line);
  };
  const answer = (line: string): void => {
    const address = /<(.*)>/.exec(line)?.[1] ?? '';
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === 'MAIL') {
      from = address;
      to = [];
    }
    const said = verb === 'RCPT' ? (manners.recipient?.(address) ?? '250 known') : null;
    if (said?.startsWith('250')) to.push(address);
    if (verb === 'DATA') data = [];
    say(said ?? { DATA: '354 go on', QUIT: '221 bye' }[verb] ?? '250 fine');
  };
  let rest = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\r\n');
    rest = lines.pop() ?? '';
    for (const line of lines) hear(line);
  });
  say('220 loopback');
}
