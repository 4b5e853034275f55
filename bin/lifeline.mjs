// Loaded before a program that runInstead (node24.mjs) started. File descriptor 3 is a pipe from the parent that nobody
// writes to: it ends when the parent dies, and so do we, at once, as if the parent's fate had been ours.
import { Socket } from 'node:net';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  const pipe = new Socket({ fd: 3 });
  pipe.on('close', () => process.kill(process.pid, 'SIGKILL'));
  pipe.on('error', () => {}); // 'close' follows
  pipe.resume();
  pipe.unref();
}
