import { systemClock } from '../core/base/clock.ts';
import { LeaseClock } from '../core/base/lease-clock.ts';
import { Lane } from './lane.ts';
import type { FromProcess, ToProcess } from './quarantine-process.ts';
import { openThreads } from './threads.ts';

/*
 * The suspects' process: one lane on one thread, so that this thread keeps answering whatever a suspect does. It does nothing by
 * itself: what it hears from the engine goes to the lane, what the lane says goes to the engine.
 */
const beatEveryMs = 100;
const lease = new LeaseClock();
let lane: Lane | null = null;

process.on('disconnect', end);
process.on('message', (message: ToProcess) => {
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
});

function open({ setup }: Extract<ToProcess, { kind: 'start' }>): Lane {
  const opened = new Lane('quarantine', openThreads(1), {
    setup,
    lease: lease.shared,
    events: {
      ready: () => say({ kind: 'ready' }),
      messages: (batch) => say({ kind: 'messages', batch }),
      lost: (_, reason) => say({ kind: 'lost', reason }),
      ended: () => {},
    },
  });
  setInterval(() => {
    say({ kind: 'beat', vitals: opened.look(systemClock.monotonic()) });
  }, beatEveryMs);
  return opened;
}

function say(message: FromProcess): void {
  if (process.connected) process.send?.(message);
}

/** The engine has gone: nobody would hear how this ends, and whatever a suspect has started must not outlive it either. */
function end(): void {
  process.kill(process.platform === 'win32' ? process.pid : -process.pid, 'SIGKILL');
}
