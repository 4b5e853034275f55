/**
 * The person behind an id, as people are compared: without the door that they came through (`cli:`), whatever the case. An account of
 * the command line and the same name given with `--as` are one person.
 */
export function personOf(id: string): string {
  return id
    .normalize('NFKC')
    .trim()
    .toLowerCase()
    .replace(/^(cli:)+/, '');
}
