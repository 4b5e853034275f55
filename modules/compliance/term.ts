/** Whether a term holds on a day; both ends are included, no `to` = for good. */
export function isInForce(
  term: { readonly from: string; readonly to: string | null },
  on: string,
): boolean {
  return term.from <= on && (term.to === null || term.to >= on);
}
