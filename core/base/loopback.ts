/** The names and addresses that lead to this machine, as URLs and `Host` have them. */
export const loopbackHosts: readonly string[] = ['127.0.0.1', 'localhost', '[::1]'];

/** Whether a URL leads to this machine, by its name. */
export function leadsHere(url: URL): boolean {
  return loopbackHosts.includes(url.hostname);
}

/** Whether an address is of this machine alone: of a socket, or one to listen on. */
export function isLoopback(address: string): boolean {
  const v4 = address.replace(/^::ffff:/i, '');
  return address === '::1' || address === 'localhost' || /^127(\.\d{1,3}){3}$/.test(v4);
}
