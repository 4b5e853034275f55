import type { ReactElement } from 'react';
import type { Pages } from '../app/use-resource.ts';

/** Brings the next page of a list; nothing where there is none. */
export function MoreButton({ of }: { readonly of: Pages<unknown> }): ReactElement | null {
  if (!of.more) return null;
  return (
    <button type="button" className="button more" onClick={of.more} disabled={of.isLoading}>
      {of.isLoading ? 'Loading…' : 'Show more'}
    </button>
  );
}
