/** How a command learns that it is to end. */
export interface Interrupt {
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** 128 and the number of the signal that came, as shells have it; null before. */
  readonly exitCode: () => number | null;
  /** Resolves when the first signal comes. */
  readonly came: Promise<void>;
  /** Whether threads that do not end would keep `process.exit` waiting; the host tells. @default they never do */
  isStuck: () => boolean;
  /** Hears no more signals. */
  release(): void;
}

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/** Hears SIGINT and SIGTERM: the first asks the command to end in order, the second ends the process at once. */
export function hearInterrupts(): Interrupt {
  const controller = new AbortController();
  let code: number | null = null;
  const came = new Promise<void>((resolve) =>
    controller.signal.addEventListener('abort', () => resolve()),
  );
  const hear = (name: NodeJS.Signals): void => {
    const its = exitCodes[name as keyof typeof exitCodes];
    if (code !== null && interrupt.isStuck()) process.kill(process.pid, 'SIGKILL');
    if (code !== null) process.exit(its);
    code = its;
    controller.abort();
  };
  for (const name of Object.keys(exitCodes)) process.on(name, hear);
  const interrupt: Interrupt = {
    signal: controller.signal,
    exitCode: () => code,
    came,
    isStuck: () => false,
    release() {
      for (const name of Object.keys(exitCodes)) process.off(name, hear);
    },
  };
  return interrupt;
}
