import { EngineError } from '../../base/errors.ts';
import { readSecret } from '../secret.ts';
import type { StdioServer } from './config.ts';

/** What every program needs to find itself, its user, its language and its place for scratch files; no secrets live there. */
const inherited: readonly string[] = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'TERM', 'TZ', 'TMPDIR'],
  ...['LANG', 'LANGUAGE', 'LC_ALL', 'LC_CTYPE', 'XDG_CACHE_HOME'],
  // Files with a company's own certificate authorities: without them npx fetches nothing where a proxy looks into TLS.
  ...['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR'],
  ...[
    'APPDATA',
    'COMSPEC',
    'HOMEDRIVE',
    'HOMEPATH',
    'LOCALAPPDATA',
    'PATHEXT',
    'PROCESSOR_ARCHITECTURE',
  ],
  ...[
    'PROGRAMDATA',
    'PROGRAMFILES',
    'SYSTEMDRIVE',
    'SYSTEMROOT',
    'TEMP',
    'TMP',
    'USERPROFILE',
    'WINDIR',
  ],
];

/**
 * All that a server's process sees of the environment: what every program needs, what its configuration says, and the variables that
 * it names. Keys of models and databases are not among them. @throws CONFIG_INVALID where a named variable is not set
 */
export function environmentOf(
  { env = {}, envFrom = [] }: StdioServer,
  own: NodeJS.ProcessEnv,
): Readonly<Record<string, string>> {
  const seen: Record<string, string> = {};
  for (const name of inherited) {
    const value = own[name];
    // A shell function that somebody exported would be run by the next shell.
    if (value !== undefined && !value.startsWith('()')) seen[name] = value;
  }
  for (const name of envFrom) seen[name] = variable(name, own);
  return { ...seen, ...env };
}

/** A variable that the configuration names. @throws CONFIG_INVALID when it is not set */
export function variable(name: string, own: NodeJS.ProcessEnv): string {
  const value = readSecret(name, own);
  if (value) return value;
  throw new EngineError(
    'CONFIG_INVALID',
    `The environment variable ${name}, which an MCP server's configuration names, is not set; set it, or take it out there.`,
  );
}
