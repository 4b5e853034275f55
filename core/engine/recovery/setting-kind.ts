import type { RecoveryFault } from '../../sdk/recovery.ts';

/** One setting that there is: what it may hold, and what holds without it. */
export interface SettingKind {
  readonly name: string;
  /** One sentence for people. */
  readonly about: string;
  /** Breakers are shared by all tenants, so they follow one setting; rules are each tenant's own. */
  readonly scope: 'tenant' | 'installation';
  /** What holds when nothing is set, and who says so. */
  readonly usual: {
    readonly value: unknown;
    readonly source: 'agent' | 'configuration' | 'default';
  };
  /** What is wrong with a value, or null. */
  check(value: unknown): RecoveryFault | null;
  /** Whether a stored value stays in force although something of it fits nothing that is loaded now. @default false */
  readonly outlives?: boolean;
  /** What holds once a checked value is set. */
  inForce(value: unknown): unknown;
}
