import { Socket } from 'node:net';
import { serialize } from 'node:v8';
import { systemClock } from '../../core/base/clock.ts';
import { LeaseClock } from '../../core/base/lease-clock.ts';
import { FrameReader, framed } from './frames.ts';
import { Lane } from './lane.ts';
import { channelFd, type FromProcess, longestWords, type ToProcess } from './lane-process.ts';
import { openThreads } from './threads.ts';

/*
 * A process of agents that are kept apart: one lane on one thread, so that this thread keeps answering whatever an agent does. It does
 * nothing by itself: what it hears from the engine goes to the lane, what the lane says goes to the engine.
 */
const beatEveryMs = 100;
/** The watchdog ends what has more than it may; the thread's own limit is for what grows without yielding. */
const leapMb = 64;
const lease = new LeaseClock();
let lane: Lane | null = null;

const engine = new Socket({ fd: channelFd, readable: true, writable: true });
const reader = new FrameReader(longestWords);
engine.on('error', () => {}); // the end follows
engine.on('close', end);
engine.on('data', (bytes: Buffer) => {
  for (const message of reader.read(bytes)) hear(message as ToProcess);
});

function hear(message: ToProcess): void {
  switch (message.kind) {
    case 'start':
      lease.untilNs = message.untilNs;
      lane = open(message);
      break;
    case 'lease':
      lease.untilNs = message.untilNs;
      break;
    case 'messages':
      for (const each of message.batch) lane?.send(each);
      break;
  }
}

function open({ setup, heapMb }: Extract<ToProcess, { kind: 'start' }>): Lane {
  const opened = new Lane(
    'apart',
    openThreads(1, heapMb === undefined ? {} : { heapMb: heapMb + leapMb }),
    {
      setup,
      lease: lease.shared,
      events: {
        ready: () => say({ kind: 'ready' }),
        messages: (batch) => say({ kind: 'messages', batch }),
        lost: ({ current }, reason) => say({ kind: 'lost', reason, current }),
        ended: () => {},
      },
    },
  );
  setInterval(() => {
    const vitals = opened.look(systemClock.monotonic());
    say({ kind: 'beat', vitals, current: opened.current });
  }, beatEveryMs);
  return opened;
}

function say(message: FromProcess): void {
  if (engine.writable) engine.write(framed(serialize(message)));
}

/** The engine has gone: nobody would hear how this ends, and whatever its agents have started must not outlive it either. */
function end(): void {
  process.kill(process.platform === 'win32' ? process.pid : -process.pid, 'SIGKILL');
}
