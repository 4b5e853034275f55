import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Sockets, the longest silent first, each with the request that it has begun; null: none yet. */
type Waiting = Map<Socket, IncomingMessage | null>;

/**
 * Bounds how many connections a server has at once. One beyond that takes the place of the one that has kept it waiting for a whole request
 * for the longest: of those that never sent one, else of the others. So whoever holds connections open without a word cannot keep out
 * those who ask; only where all are being answered, a further one is closed as it comes.
 *
 * By address nothing is bounded: behind a proxy all have the same.
 */
export function boundConnections(server: Server, most: number): void {
  const strangers: Waiting = new Map();
  const answered: Waiting = new Map();
  let open = 0;
  server.on('connection', (socket) => {
    open += 1;
    socket.once('close', () => {
      open -= 1;
      strangers.delete(socket);
      answered.delete(socket);
    });
    if (open > most && !closeOne(strangers) && !closeOne(answered)) socket.destroy();
    else strangers.set(socket, null);
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    const waiting = strangers.has(socket) ? strangers : answered;
    // One that is asked ahead of its answers waits for nothing; where it stands among the others does not change.
    if (waiting.has(socket)) waiting.set(socket, request);
    response.once('close', () => {
      if (socket.destroyed) return;
      strangers.delete(socket);
      answered.delete(socket);
      answered.set(socket, null);
    });
  });
}

/** Closes the first whose request is not there whole; those that wait for their answer are none of these any more. */
function closeOne(waiting: Waiting): boolean {
  for (const [socket, request] of waiting) {
    waiting.delete(socket);
    if (request?.complete) continue;
    socket.destroy();
    return true;
  }
  return false;
}
