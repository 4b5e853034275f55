import { Worker } from 'node:worker_threads';
import { EngineError } from 'tutti';
import { jsonFault, positionOf } from './json-fault.ts';

/** What a parser cannot read, and where, if it says: counted from 1. */
export interface Problem {
  readonly line: number | null;
  readonly column: number | null;
  readonly message: string;
}

/** Levels of JSON; deeper data is read by hardly anything. */
const maxDepth = 500;

/** The first mistake that `JSON.parse` would stop at. */
export function jsonProblems(code: string): readonly Problem[] {
  const fault = jsonFault(code, maxDepth);
  return fault ? [fault] : [];
}

/**
 * What is wrong with a YAML text, all of it, or with a script or module, the first mistake: by `yaml` and the parsers of Node, V8's
 * and the one that takes types away. Each code has a thread of its own, which is ended when the call is: nothing that is written in
 * it blocks the lane. @throws INPUT_INVALID for what the parsers give up
 */
export async function parserProblems(
  code: string,
  {
    language,
    signal,
  }: {
    readonly language: 'javascript' | 'typescript' | 'yaml';
    readonly signal: AbortSignal;
  },
): Promise<readonly Problem[]> {
  const thread = new Worker(new URL('./syntax-thread.mjs', import.meta.url), {
    workerData: { code, language },
    execArgv: ['--experimental-vm-modules'],
    env: {},
    ...{ stdout: true, stderr: true },
    resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 },
  });
  const stop = (): unknown => thread.terminate();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await answerOf(thread);
  } finally {
    signal.removeEventListener('abort', stop);
    await thread.terminate();
  }
}

function answerOf(thread: Worker): Promise<readonly Problem[]> {
  return new Promise((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', () => reject(gaveUp()));
    thread.once('exit', () => reject(gaveUp()));
  });
}

function gaveUp(): EngineError {
  return new EngineError(
    'INPUT_INVALID',
    'The code is nested too deeply, or is too much, for the parser to read; check it in parts.',
  );
}

/** Characters that show code in another order than it runs: https://trojansource.codes, Unicode Technical Standard 55. */
export function orderProblems(code: string): readonly Problem[] {
  return [...code.matchAll(/[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g)]
    .slice(0, 20)
    .map(({ 0: sign, index }) => ({
      ...positionOf(code, index),
      message: `The control character U+${sign.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')} shows text in another order than it is read; remove it.`,
    }));
}
