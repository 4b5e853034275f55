import { Decimal, defineTool, type Erp, Id, Money, type Row, z } from 'tutti';
import { controls } from '../chart.ts';
import { currencyOf } from '../company.ts';

/** What the ledger says. */
export const getLedgerBalances = defineTool({
  name: 'finance.ledger_balance.get',
  description:
    "Reads the ledger balances of a company's control accounts for payables, receivables and bank, debits positive, and the manual entries on them that neither another one reverses nor a document names as its posting.",
  effect: 'read',
  parameters: z.object({ company: z.string() }),
  result: z.object({
    /** Journal entries that the balances were summed from. */
    entries: z.int(),
    accounts: z.array(
      z.object({
        account: Id('account'),
        number: z.string(),
        control: z.enum(controls),
        balance: Money,
        manual: z.array(
          z.object({ entry: Id('journal_entry'), number: z.string(), amount: Money }),
        ),
      }),
    ),
  }),
  category: 'ledger',
  timeoutMs: 60_000,
}).handler(async ({ company }, { erp }) => {
  const [currency, accounts, entries] = await Promise.all([
    currencyOf(erp, company),
    erp.account.list({ company, control: { in: controls } }),
    // A balance is the sum of every entry ever posted; there is no shorter list that gives it.
    erp.journal_entry.list({ company }, { limit: 500_000 }),
  ]);
  const balances = new Map<string, string>(accounts.map((account) => [account.id, '0']));
  for (const { account, debit, credit } of entries.flatMap(({ lines }) => lines)) {
    const before = balances.get(account);
    if (before !== undefined)
      balances.set(account, Decimal.plus(before, Decimal.minus(debit, credit)));
  }
  const byHand = entries.filter(
    ({ source, lines }) =>
      source === 'manual' && lines.some(({ account }) => balances.has(account)),
  );
  const manual = await unsettled(
    erp,
    byHand.map((entry) => ({ entry, net: netOf(entry) })),
  );
  return {
    entries: entries.length,
    accounts: accounts.map((account) => ({
      account: account.id,
      number: account.number,
      control: controls.find((each) => each === account.control) ?? 'bank',
      balance: Money.of(balances.get(account.id) ?? '0', currency),
      manual: manual.flatMap(({ entry, net }) => {
        const signed = net.get(account.id);
        if (signed === undefined) return [];
        return [{ entry: entry.id, number: entry.number, amount: Money.of(signed, currency) }];
      }),
    })),
  };
});

type Entry = Row<'journal_entry'>;

/** An entry, and what it adds to each account, debits positive; accounts whose lines cancel out are left out. */
interface Posted {
  readonly entry: Entry;
  readonly net: ReadonlyMap<string, string>;
}

function netOf({ lines }: Entry): ReadonlyMap<string, string> {
  const net = new Map<string, string>();
  for (const { account, debit, credit } of lines) {
    net.set(account, Decimal.plus(net.get(account) ?? '0', Decimal.minus(debit, credit)));
  }
  return new Map([...net].filter(([, signed]) => !Decimal.isZero(signed)));
}

/** The manual entries with which something is still to be done: neither turned around by another one nor the posting of a document. */
async function unsettled(erp: Erp, manual: readonly Posted[]): Promise<readonly Posted[]> {
  const open = withoutReversed(manual);
  if (open.length === 0) return [];
  const entry = { in: open.map((each) => each.entry.id) };
  const documents = await Promise.all([
    erp.bill.list({ entry, status: { in: ['open', 'paid'] } }),
    erp.receivable.list({ entry, status: { in: ['open', 'paid'] } }),
    erp.payment.list({ entry, status: { in: ['executed', 'reconciled'] } }),
  ]);
  const posting = new Set(documents.flat().map((document) => document.entry));
  return open.filter((each) => !posting.has(each.entry.id));
}

/** Leaves out pairs of entries that cancel each other out on every account: one was posted to take the other back. */
function withoutReversed(manual: readonly Posted[]): readonly Posted[] {
  const waiting = new Map<string, Posted[]>();
  for (const each of manual) {
    const opposite = waiting.get(signatureOf(each.net, '-1'))?.shift();
    if (opposite) continue;
    const same = signatureOf(each.net, '1');
    waiting.set(same, [...(waiting.get(same) ?? []), each]);
  }
  const left = new Set([...waiting.values()].flat());
  return manual.filter((each) => left.has(each));
}

function signatureOf(net: Posted['net'], sign: '1' | '-1'): string {
  const parts = [...net].map(([account, signed]) => [account, Decimal.times(signed, sign)]);
  return JSON.stringify(parts.toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1)));
}
