/** Where the server listens: a folder for its Unix socket, or an address of this machine. */
export interface Endpoint {
  /** A folder (starts with '/') or 127.0.0.1. */
  readonly host: string;
  readonly port: number;
}

/** The whole of `postgresql.conf`, written anew at every start; what is not here has PostgreSQL's default. */
export function serverSettings(endpoint: Endpoint): string {
  const socket = endpoint.host.startsWith('/');
  return lines({
    listen_addresses: socket ? '' : endpoint.host,
    unix_socket_directories: socket ? endpoint.host : '',
    unix_socket_permissions: '0700',
    port: endpoint.port,
    max_connections: 100,
    shared_buffers: '128MB',
    max_wal_size: '512MB',
    // An acknowledged commit survives a power cut: the journal's promise rests on these two.
    fsync: 'on',
    synchronous_commit: 'on',
    // Containers have 64 MB of /dev/shm; parallel queries put their work there and fail.
    max_parallel_workers_per_gather: 0,
    // Our statements are short; compiling one costs more than running it.
    jit: 'off',
    password_encryption: 'scram-sha-256',
    // Ends the queries of an engine that was killed. Windows cannot watch a socket.
    client_connection_check_interval: process.platform === 'win32' ? 0 : '10s',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_checkpoints: 'off',
    log_line_prefix: '%m [%p] ',
    lc_messages: 'C',
  });
}

/** The whole of `pg_hba.conf`: over the socket the operating system says who calls (`peer`), over TCP a password does. */
export function accessRules(endpoint: Endpoint): string {
  return endpoint.host.startsWith('/')
    ? 'local all all peer map=tutti\n'
    : `host all all ${endpoint.host}/32 scram-sha-256\n`;
}

/** The whole of `pg_ident.conf`: these operating-system users may log in as `tutti`. */
export function loginMap(names: readonly string[]): string {
  return [...new Set(names)].map((name) => `tutti "${name}" tutti\n`).join('');
}

function lines(settings: Readonly<Record<string, string | number>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'\n`)
    .join('');
}
