import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Files that write into Tutti's own tables and append nothing, by why no change of a person or a key is lost by it. */
const unaudited: Readonly<Record<string, readonly string[]>> = {
  'what a run does stands in its journal': [
    ...['approvals', 'due', 'effect-questions', 'tell'].map((file) => `approvals/${file}`),
    ...['journal/flush', 'outside/children', 'outside/hand-overs', 'store/run-end'],
  ].map((file) => `core/engine/${file}.ts`),
  'counts, leases and shares of engines': [
    ...['purse-rows', 'share-rows', 'tiers'].map((file) => `core/engine/limits/${file}.ts`),
    ...['lease/lease', 'lease/lease-renewal', 'store/purses', 'store/run-row'].map(
      (file) => `core/engine/${file}.ts`,
    ),
    'core/service/turn.ts',
  ],
  'a question, and its answer': ['core/engine/explain/explanations.ts'],
  'what a retry takes over; whoever asks for it has a row (retry.ts)': [
    ...['copied-bodies', 'retry-rows'].map((file) => `core/engine/store/${file}.ts`),
  ],
  'the keys of what is stored or erased, which has its row': [
    'core/engine/retention/shred.ts',
    'core/ports/db/vault.ts',
    'core/ports/encryption/sealed-vault.ts',
  ],
  'retention by its policy; whoever applies it by hand has a row (retention/apply.ts)': [
    ...['bodies', 'expire', 'feed', 'leftovers', 'sessions'].map(
      (file) => `core/engine/retention/${file}.ts`,
    ),
  ],
  'the schema; whoever restores a backup has a row (audit/backup.ts)': [
    ...['backup/restore', 'migrate', 'partitions'].map((file) => `core/ports/db/${file}.ts`),
  ],
  'when a key or a session was last used': [
    ...['check-key', 'check-session'].map((file) => `core/service/identity/${file}.ts`),
  ],
  'what comes from an ERP and what it starts': [
    ...['firing-store', 'intake', 'sweeps'].map((file) => `core/service/hooks/${file}.ts`),
  ],
  'what schedules do by themselves': [
    ...['advance', 'firings', 'schedules', 'slot-store'].map(
      (file) => `core/service/schedules/${file}.ts`,
    ),
  ],
  'what is sent out by itself': [
    ...['claims', 'emit', 'fan-out', 'purge', 'sealed'].map(
      (file) => `core/service/webhooks/${file}.ts`,
    ),
    ...['alerts/alerts', 'batch/morning-reporter', 'messages/outbox', 'messages/sender'].map(
      (file) => `core/service/${file}.ts`,
    ),
  ],
};

const exceptions = Object.values(unaudited).flat();

describe('the audit log', () => {
  it('is written wherever a statement changes a table of Tutti, or it says here why not', () => {
    const writing = globSync(['bin/**/*.ts', 'core/**/*.ts'], { cwd: root })
      .filter((file) => {
        const text = readFileSync(join(root, file), 'utf8');
        const writes =
          /\b(INSERT INTO|UPDATE|DELETE FROM) tutti\.(?!audit)/.test(text) ||
          /\.(insertInto|updateTable|deleteFrom)\(/.test(text);
        return writes && !/\b(appendAudit|auditTexts|startAudit|NoteAccepted)\b/.test(text);
      })
      .toSorted();
    const silent = writing.filter((file) => !exceptions.includes(file));
    const stale = exceptions.filter((file) => !writing.includes(file));

    assert.deepEqual(silent, [], 'These write and append nothing: see docs/audit.md.');
    assert.deepEqual(stale, [], 'These need no exception any more.');
  });
});
