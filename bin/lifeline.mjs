// Loaded before a program that runInstead (node24.mjs) started. File descriptor 3 is a pipe from the parent that nobody
// writes to: it ends when the parent dies, and so do we, at once, as if the parent's fate had been ours.
import { Socket } from 'node:net';
import { isMainThread } from 'node:worker_threads';

/** The pipe; none in a process forked from ours that has its channel there, and ends with it. */
function openPipe() {
  try {
    return new Socket({ fd: 3 });
  } catch (error) {
    if (error.code === 'EEXIST') return null;
    throw error;
  }
}

const pipe = isMainThread ? openPipe() : null;
if (pipe) {
  pipe.on('close', () => process.kill(process.pid, 'SIGKILL'));
  pipe.on('error', () => {}); // 'close' follows
  pipe.resume();
  pipe.unref();
}
