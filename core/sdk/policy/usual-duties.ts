import type { DutyRule } from './policy.ts';

/**
 * The duties that auditors of procurement, cash and ledger want in different hands: who creates, who approves, who pays, who checks. For
 * the `duties` of a policy; a company adds its own, and the two-person rule where it wants one. Classes that no loaded tool has do no harm.
 */
export const usualDuties: readonly DutyRule[] = [
  {
    pair: ['create_vendor', 'approve_invoice'],
    reason: 'whoever creates vendors could approve invoices of one that does not exist',
  },
  {
    pair: ['create_vendor', 'release_payment'],
    reason: 'whoever creates vendors could pay one that does not exist',
  },
  {
    pair: ['change_bank_account', 'approve_invoice'],
    reason: 'whoever changes bank accounts could approve what goes to their own',
  },
  {
    pair: ['change_bank_account', 'release_payment'],
    reason: 'whoever changes bank accounts could send payments to their own',
  },
  {
    pair: ['enter_invoice', 'approve_invoice'],
    reason: 'whoever enters an invoice does not judge it',
  },
  {
    pair: ['match_invoice', 'approve_invoice'],
    reason: 'whoever says that an invoice matches does not approve it on the strength of that',
  },
  {
    pair: ['hold_invoice', 'release_hold'],
    reason: 'what was stopped is let go by somebody else',
  },
  {
    pair: ['approve_invoice', 'release_payment'],
    reason: 'whoever approves an invoice does not pay it',
  },
  {
    pair: ['release_payment', 'reconcile_bank'],
    reason: 'whoever pays does not confirm what the bank says of it',
  },
  {
    pair: ['post_journal', 'reconcile_bank'],
    reason: 'whoever posts could post away what does not reconcile',
  },
  {
    pair: ['draft_journal', 'post_journal'],
    reason: 'whoever writes a journal entry out does not post it',
  },
  {
    pair: ['request_purchase', 'approve_purchase'],
    reason: 'whoever asks for a purchase does not approve it',
  },
  {
    pair: ['approve_purchase', 'receive_goods'],
    reason: 'whoever orders does not say what has arrived',
  },
  {
    pair: ['receive_goods', 'approve_invoice'],
    reason: 'whoever says what has arrived does not approve its invoice',
  },
  {
    pair: ['count_stock', 'adjust_stock'],
    reason: 'whoever counts does not write the books to fit the count',
  },
];
