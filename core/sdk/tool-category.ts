/**
 * The groups in which tools are listed for people: what a tool works on, whichever module brings it. `erp` is for records that none of the
 * business groups names, `other` for what fits nowhere.
 */
export const toolCategories = [
  // anything
  'analysis',
  'data_processing',
  'file',
  'web',
  'database',
  'reporting',
  'communication',
  'code',
  'mcp',
  'other',
  // the business
  'erp',
  'access',
  'audit',
  'bank',
  'counting',
  'documents',
  'ledger',
  'payables',
  'payroll',
  'planning',
  'procurement',
  'receiving',
  'reference',
  'screening',
  'time',
  'valuation',
] as const;

/** One of the groups. */
export type ToolCategory = (typeof toolCategories)[number];
