import { type LaneTask, slots } from '../pool/lane.ts';
import { ownThread } from '../pool/silence.ts';

/**
 * What a lane's thread begins with. It tells which thread it is before it loads what agents need, for from then on the engine sees whether it is
 * slow by itself, or waits for a core that others have.
 */
export default async function enter(task: LaneTask): Promise<void> {
  Atomics.store(new Int32Array(task.shared), slots.thread, ownThread());
  const { lane } = await import('./thread.ts');
  await lane(task);
}
