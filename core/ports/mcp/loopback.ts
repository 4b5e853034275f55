const loopbackHosts: readonly string[] = ['127.0.0.1', '[::1]', 'localhost'];

/** Whether a URL leads to this machine, by its name. */
export function isLoopback(url: URL): boolean {
  return loopbackHosts.includes(url.hostname);
}
