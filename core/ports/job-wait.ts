/** What a job waits for that has been sent off and that nobody has yet. */
export type JobWait =
  /** A machine of a pool. */
  | { readonly kind: 'machine'; readonly pool: string }
  /** The process of a module that is kept apart. */
  | { readonly kind: 'process'; readonly module: string }
  /** The process in which suspects run, one at a time. */
  | { readonly kind: 'quarantine' };
