import type { BatchConfig } from '../../ports/config.ts';

/** The configuration with its defaults. */
export type BatchSettings = Required<BatchConfig>;

export function batchSettings(config: BatchConfig = {}): BatchSettings {
  return {
    enabled: false,
    gatherMs: 30_000,
    leastItems: 10,
    patienceMs: 4 * 3_600_000,
    reserveMs: 30 * 60_000,
    expectedMs: 3_600_000,
    ...config,
  };
}
