import assert from 'node:assert/strict';
import { History } from '../../../core/engine/run/history.ts';
import { encryptedBy, encryptedConfig, newMasterKey } from '../../support/encrypted.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { queryAll } from '../../support/rows.ts';
import { verifies } from '../../support/verifies.ts';

const shipped = new URL('../../../tutti.config.ts', import.meta.url);

/** The tables whose rows are Tutti's own: the ERP's are not. */
const tablesSql = `SELECT relname AS name FROM pg_class WHERE relnamespace = 'tutti'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
  AND has_table_privilege('tutti_engine', oid, 'SELECT')`;

describe('a night of the sample company', function () {
  this.timeout(600_000);

  it('leaves no name and no account in any table when it is encrypted, and finds the same', async () => {
    verifies('R12.encryption');
    const plain = await nightOf(shipped.href);
    const encrypted = await nightOf(encryptedConfig(shipped));

    assert.ok(plain.words.length > 20, `${plain.words.length} names lie there unencrypted`);
    assert.deepEqual(encrypted.words, []);
    assert.deepEqual(encrypted.found, plain.found);
  });
});

/** Runs a night: the personal words that lie in Tutti's tables afterwards, and the sentences of what it has found. */
async function nightOf(
  config: string,
): Promise<{ readonly words: readonly string[]; readonly found: readonly string[] }> {
  const env = { [encryptedBy]: newMasterKey() };
  const tutti = await openTestEngine(config, { hasCompany: true, env });
  try {
    const { tenantId } = await tutti.host.sampleTenant(1);
    const { id, status } = await tutti.run('nightly', { tenantId });
    assert.equal(status, 'succeeded');
    const history = new History(tutti.host.database);
    const findings = await history.findings(tenantId, { runId: id });
    assert.ok(findings.every(({ summary }) => summary !== ''));
    const found = findings.map(({ fingerprint, summary }) => `${fingerprint} ${summary}`).sort();
    return { words: await personalIn(tutti), found };
  } finally {
    await tutti.close();
  }
}

/** Names of people and companies, and accounts, that stand anywhere in Tutti's tables, as text or as bytes. */
async function personalIn({ fresh: { database } }: TestEngine): Promise<readonly string[]> {
  const words = await queryAll<{ readonly word: string }>(
    database,
    'SELECT name AS word FROM erp.party UNION SELECT name FROM erp.employee UNION SELECT iban FROM erp.bank_account',
  );
  const tables = await queryAll<{ readonly name: string }>(database, tablesSql);
  const found = new Set<string>();
  for (const { name } of tables) {
    const rows = await queryAll<{ readonly text: string }>(
      database,
      `SELECT to_jsonb(t)::text AS text FROM tutti.${name} t`,
    );
    // Bytes come as hex.
    const text = rows.map((row) => `${row.text} ${bytesIn(row.text)}`).join('\n');
    for (const { word } of words) if (word && text.includes(word)) found.add(word);
  }
  return [...found];
}

function bytesIn(text: string): string {
  const parts = text.match(/(?<=\\x)[0-9a-f]{2,}/g) ?? [];
  return parts.map((hex) => Buffer.from(hex, 'hex').toString('utf8')).join(' ');
}
