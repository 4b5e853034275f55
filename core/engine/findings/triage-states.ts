/** What can become of a finding; the first is that of one nobody has looked at. */
export const triageStates: readonly ['open', 'accepted', 'resolved', 'ignored'] = [
  'open',
  'accepted',
  'resolved',
  'ignored',
];
