/** Numbers of the accounts, in every company's chart, against which drafts are written. */
export const chart = {
  bankCharges: '7000',
  purchases: '5000',
  sales: '4000',
  capital: '3000',
} as const;

/** The subledgers whose control accounts finance reconciles. */
export const controls = ['payables', 'receivables', 'bank'] as const;
export type Control = (typeof controls)[number];
