/** How serious a finding is. */
export type Severity = 'low' | 'medium' | 'high' | 'critical';

/** The worst first. */
export const severities: readonly ['critical', 'high', 'medium', 'low'] = [
  'critical',
  'high',
  'medium',
  'low',
];

/** The worse the smaller: 0 is `critical`. */
export function severityRank({ severity }: { readonly severity: string }): number {
  return severities.indexOf(severity as Severity);
}
