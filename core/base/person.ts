/**
 * The person behind an id, as people are compared: without the door that they came through (`cli:`), whatever the case.
 */
export function personOf(id: string): string {
  return id
    .normalize('NFKC')
    .trim()
    .toLowerCase()
    .replace(/^(cli:)+/, '');
}
