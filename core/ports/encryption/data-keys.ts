import { randomBytes, randomInt } from 'node:crypto';
import { EngineError } from '../../base/errors.ts';
import { keyBytes, openedAt, sealedFor } from '../aead.ts';
import type { NewKeys, RunKeys, RunRef, SealedText, SealPlace, StoredBody } from '../db/vault.ts';
import type { MasterKey, MasterKeys } from './master-keys.ts';

/** What of a run has a key of its own: the classes of its bodies, so that each can be erased by itself, and what questions show. */
export const keyClasses = ['input', 'output', 'model', 'finding', 'effect', 'shown'] as const;

const largestId = 2 ** 31 - 1;

/** A data key. */
export interface DataKey {
  readonly class: string;
  readonly id: number;
  readonly key: Buffer;
}

/** A row of `tutti.data_key`. */
export interface DataKeyRow {
  readonly tenant_id: number;
  readonly run_id: string;
  readonly class: string;
  readonly id: number;
  readonly master: string;
  readonly sealed: Buffer;
}

/** Seals a run's bodies; of several keys of a class the last one does. */
export function sealWith(run: RunRef, keys: readonly DataKey[]): RunKeys {
  const byClass = new Map(keys.map((each) => [each.class, each]));
  return {
    seal(at, text): StoredBody {
      const found = byClass.get(at.class);
      if (!found) throw missing(run, at.class);
      return { keyId: found.id, body: sealedFor(bodyPlace(run, at), text, found.key) };
    },
  };
}

/** Keys for the classes of a run, sealed under a master key. Their numbers are drawn, so that no later key passes for one that is erased. */
export function makeKeys(
  run: RunRef,
  master: MasterKey,
  classes: readonly string[] = keyClasses,
): NewKeys {
  const keys = classes.map((each) => ({
    ...{ class: each, id: randomInt(1, largestId), key: randomBytes(keyBytes) },
  }));
  return {
    ...sealWith(run, keys),
    columns: [
      keys.map((each) => each.class),
      keys.map(({ id }) => id),
      keys.map(() => master.id),
      keys.map((each) => sealedFor(keyPlace(run, each), each.key, master.key)),
    ],
  };
}

/** The data key of a row. @throws ENCRYPTION_KEY · BODY_TAMPERED */
export function openKey(row: DataKeyRow, masters: MasterKeys): Buffer {
  const master = masters.all.get(row.master);
  if (!master) throw unknownMaster(row.master);
  const run = { tenantId: row.tenant_id, id: row.run_id };
  return opened(run, () => openedAt(keyPlace(run, row), row.sealed, master.key));
}

/** The same key, sealed under another master key. @throws ENCRYPTION_KEY · BODY_TAMPERED */
export function resealKey(row: DataKeyRow, masters: MasterKeys): Buffer {
  const place = keyPlace({ tenantId: row.tenant_id, id: row.run_id }, row);
  return sealedFor(place, openKey(row, masters), masters.current.key);
}

/** What lay sealed. @throws BODY_TAMPERED */
export function openBody({ run, body, ...at }: SealedText, key: Buffer): Buffer {
  return opened(run, () => openedAt(bodyPlace(run, at), body, key));
}

/** @throws ENCRYPTION_KEY always */
export function unknownMaster(id: string): EngineError {
  return new EngineError(
    'ENCRYPTION_KEY',
    `Data keys are sealed under master key '${id}', which this process does not have; name the variable that holds it in 'encryption', as keyFrom or among previousFrom.`,
  );
}

function missing({ id }: RunRef, held: string): EngineError {
  return new EngineError(
    'ENCRYPTION_KEY',
    `Run ${id} has no data key for '${held}'; it was erased while the run goes on.`,
  );
}

function opened(run: RunRef, open: () => Buffer): Buffer {
  try {
    return open();
  } catch (cause) {
    throw new EngineError(
      'BODY_TAMPERED',
      `What is stored of run ${run.id} was altered, or lies where it was not put; take it from a backup.`,
      { cause },
    );
  }
}

const keyPlace = ({ tenantId, id }: RunRef, key: Pick<DataKey, 'class' | 'id'>): string =>
  `tutti data key ${tenantId} ${id} ${key.class} ${key.id}`;

const bodyPlace = ({ tenantId, id }: RunRef, { class: held, place }: SealPlace): string =>
  ['tutti body', tenantId, id, held, place].join(' ');
