import { createServer } from 'node:net';

/** Below what Linux, macOS and Windows give out by themselves, to connections among others: nobody gets it by chance before it is used. */
const [from, to] = [20_000, 32_000];

/** A port of the loopback interface that nobody uses. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = from + Math.floor(Math.random() * (to - from));
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}
