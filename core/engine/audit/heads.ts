import type { Clock } from '../../base/clock.ts';
import type { AuditLog } from './log.ts';

const hourMs = 3_600_000;

/** Signs every chain once an hour, so that what is cut off or written anew later does not agree with what was signed. */
export class AuditHeads {
  readonly #log: Pick<AuditLog, 'sign' | 'tenants'>;
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  #cancel = (): void => {};
  #work: Promise<void> = Promise.resolve();
  #isClosed = false;

  /** `onError` gets a chain that is broken, and a key that cannot be kept; the other chains are signed all the same. */
  constructor(
    log: Pick<AuditLog, 'sign' | 'tenants'>,
    { clock, onError }: { readonly clock: Clock; readonly onError: (error: unknown) => void },
  ) {
    this.#log = log;
    this.#clock = clock;
    this.#onError = onError;
  }

  async start(): Promise<void> {
    this.#arm();
  }

  /** Ends after what it is at. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    await this.#work;
  }

  #arm(): void {
    if (this.#isClosed) return;
    this.#cancel = this.#clock.after(hourMs, () => {
      this.#work = this.#signAll().finally(() => this.#arm());
    });
  }

  async #signAll(): Promise<void> {
    try {
      for (const tenantId of await this.#log.tenants()) {
        if (this.#isClosed) return;
        await this.#log.sign(tenantId, new Date(this.#clock.now())).catch(this.#onError);
      }
    } catch (error) {
      this.#onError(error);
    }
  }
}
