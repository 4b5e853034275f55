import { type Ask, ask } from './call.ts';

/** The floor's task in a thread: the call, and its answer as the JSON that is stored. */
// biome-ignore lint/style/noDefaultExport: Piscina's contract
export default async function floorThread(
  task: Ask,
): Promise<{ readonly output: string; readonly usage: unknown }> {
  const { handed, usage } = await ask(task);
  const output = JSON.stringify(handed);
  return { output, usage };
}
