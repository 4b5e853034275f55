import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { nodeFlags } from '../bin/node24.mjs';

/** Starts a program of the bench as a process of its own, with the flags of the product; its first line is its answer. */
export async function startChild(
  file: string,
  args: readonly string[] = [],
): Promise<{ readonly line: string; readonly child: ChildProcess }> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [...nodeFlags, path, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const line = await new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    child.once('exit', (code) =>
      reject(new Error(`${file} ended with ${code} before it answered.`)),
    );
  });
  child.removeAllListeners('exit');
  return { line, child };
}

/** Runs a program of the bench to its end and reads the JSON that it prints. */
export async function askChild<T>(file: string, args: readonly string[]): Promise<T> {
  const { line, child } = await startChild(file, args);
  if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve));
  return JSON.parse(line) as T;
}
