/** A model server for the bench, a process of its own: answers each POST after the `ms` that it names. Prints its port. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const reply = JSON.stringify({
  id: 'chatcmpl-bench',
  object: 'chat.completion',
  model: 'bench',
  // 1.4 kB of text that is kept, 1.8 kB in all with what providers send around it
  content: 'y'.repeat(1_330),
  padding: 'z'.repeat(300),
  usage: { prompt_tokens: 200, completion_tokens: 300, total_tokens: 500 },
});
const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(reply) };

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => {
    body += chunk;
  });
  request.on('end', () => {
    const { ms } = JSON.parse(body) as { readonly ms: number };
    setTimeout(() => response.writeHead(200, headers).end(reply), ms);
  });
});
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
// The pipe from the bench closes when it ends, for whatever reason.
process.stdin.on('end', () => process.exit(0)).resume();
