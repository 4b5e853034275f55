import type { Posting } from '../sdk/tool.ts';
import type { Call } from './scope.ts';

/** A record that a command has changed or made, with the version that it left. */
export interface WrittenRecord {
  readonly op: 'create' | 'update' | 'act';
  readonly entity: string;
  readonly id: string;
  readonly version: string;
  /** The version that the command was bound to. @default it was bound to none */
  readonly expect?: string;
}

/** What an effect has written, as the journal keeps it: by this it can be taken back, whatever its tool answers. */
export interface Written {
  /** The effect's, hex. */
  readonly key: string;
  readonly records: readonly WrittenRecord[];
  /** Null for what posted nothing. */
  readonly posted: Posting | null;
  /**
   * Nobody knows what it has written: a try before has come to no end, and this one, which has written nothing, may have found that one's
   * work or somebody else's. @default false
   */
  readonly isUnknown?: true;
}

/**
 * Notes what the commands of an effect have written, in the flush that records its end or in one before it. What goes past the ERP
 * leaves no such line.
 */
export function noteWritten(
  { tool, scope, posting }: Call,
  key: string,
  {
    writes: records,
    isRepeat,
  }: { readonly writes: readonly WrittenRecord[]; readonly isRepeat: boolean },
): void {
  if (tool.effect === 'send' && records.length === 0) return;
  const isUnknown = isRepeat && records.length === 0;
  const written: Written = {
    ...{ key, records, posted: posting ?? null },
    ...(isUnknown && { isUnknown }),
  };
  scope.recorder.entry('effect.wrote', { ...written });
}
