import type { Database } from '../../core/ports/db/database.ts';
import { queryAll } from './rows.ts';

/** The tables whose rows are Tutti's own: the ERP's are not. */
const tablesSql = `SELECT relname AS name FROM pg_class WHERE relnamespace = 'tutti'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
  AND has_table_privilege('tutti_engine', oid, 'SELECT')`;

/** Names of people and companies, and accounts, that stand anywhere in Tutti's tables, as text or as bytes. */
export async function personalWords(database: Database): Promise<readonly string[]> {
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
