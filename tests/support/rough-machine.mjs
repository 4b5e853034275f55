// Loaded before every process of the tests by `npm run test:rough` (scripts/rough.ts): a machine on which what sockets bring comes late and
// main threads stand still, by chance. Plain JavaScript, for it is loaded by whatever Node a test starts.
//
// ROUGH_SEED     whole number, the same chances again. Children and threads have seeds of their own that follow from it.
// ROUGH_LATE_MS  what is late mostly comes some ms of this size late, seldom 75 times as much. 0: nothing is late.
// ROUGH_HOLD_MS  a main thread stands still for at most so long; for a third of the time altogether. 0: none does.
import { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { Socket } from 'node:net';
import { isMainThread, threadId } from 'node:worker_threads';

const { ROUGH_SEED = '0', ROUGH_LATE_MS = '0', ROUGH_HOLD_MS = '0' } = process.env;
const seed = Number(ROUGH_SEED) + threadId;
const lateMs = Number(ROUGH_LATE_MS);
const mostHoldMs = Number(ROUGH_HOLD_MS);
// A test's fake clock comes after this.
const { setTimeout } = globalThis;

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function chanceOf(start) {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Two processes that start at once and do the same would otherwise be late and stand still together. */
function seedChildren() {
  const chance = chanceOf(seed);
  const { spawn } = ChildProcess.prototype;
  ChildProcess.prototype.spawn = function (options) {
    const own = `ROUGH_SEED=${Math.floor(chance() * 2 ** 32)}`;
    const envPairs = options.envPairs?.map((pair) => (pair.startsWith('ROUGH_SEED=') ? own : pair));
    return spawn.call(this, { ...options, ...(envPairs && { envPairs }) });
  };
}

/** Holds this thread without using a core, as a system does that has others to run. */
function holdThread() {
  const chance = chanceOf(~seed);
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  const next = () =>
    setTimeout(() => {
      Atomics.wait(nobody, 0, 0, chance() ** 3 * mostHoldMs);
      next();
    }, chance() * mostHoldMs).unref();
  next();
}

/** Lets what sockets and pipes bring come late: every byte, in order, and the end after them. */
function delayArrivals() {
  const chance = chanceOf(seed ^ 0x5eed);
  const { push } = Socket.prototype;
  const underway = new WeakMap();
  const oftenNotMs = () => (chance() < 0.5 ? 0 : lateMs * Math.min(1 / chance() - 1, 75));
  const arrive = (socket, waiting) => {
    const { chunk, encoding, ms } = waiting[0];
    setTimeout(() => {
      waiting.shift();
      if (!socket.destroyed) push.call(socket, chunk, encoding);
      // Node does this after an end; without, nobody hears of it who has read all there was.
      if (chunk === null && !socket.destroyed) socket.read(0);
      if (waiting.length > 0) arrive(socket, waiting);
    }, ms);
  };

  Socket.prototype.push = function (chunk, encoding) {
    if (!underway.has(this)) underway.set(this, { waiting: [], slowMs: oftenNotMs() });
    const { waiting, slowMs } = underway.get(this);
    // Half of the connections are slow throughout, each as slow as it is.
    const ms = slowMs > 0 ? slowMs * (0.5 + chance()) : oftenNotMs();
    if (ms === 0 && waiting.length === 0) return push.call(this, chunk, encoding);
    waiting.push({ chunk, encoding, ms });
    if (waiting.length === 1) arrive(this, waiting);
    // The stream asks for more when it has been given this.
    return false;
  };
  // A server of HTTP reads past its sockets until somebody listens to one.
  subscribe('net.server.socket', ({ socket }) => {
    if (!socket.parser) return;
    const nothing = () => {};
    socket.on('data', nothing).off('data', nothing);
  });
}

seedChildren();
if (lateMs > 0) delayArrivals();
if (isMainThread && mostHoldMs > 0) holdThread();
