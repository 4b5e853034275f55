import assert from 'node:assert/strict';
import { mcpServers, mcpServersFrom } from '../../../core/ports/mcp/servers.ts';
import { verifies } from '../../support/verifies.ts';

const invalid = (message: RegExp) => ({ code: 'CONFIG_INVALID', message });

describe('the configuration of MCP servers', () => {
  it('is made from several roots and kinds at once', () => {
    verifies('R5.mcp-start');
    const mine = { command: 'python', args: ['-m', 'mine'], env: { MODE: 'x' } };
    const remote = {
      url: 'https://tools.example.com/mcp',
      headersFrom: { Authorization: 'TOKEN' },
    };

    assert.deepEqual(
      mcpServers({
        reports: { root: '/srv/reports' },
        shared: { root: ['/srv/a', '/srv/b'] },
        browser: { type: 'playwright' },
        ...{ mine, remote },
      }),
      {
        reports: npx('@modelcontextprotocol/server-filesystem', '/srv/reports'),
        shared: npx('@modelcontextprotocol/server-filesystem', '/srv/a', '/srv/b'),
        browser: npx('@playwright/mcp', '--headless', '--isolated'),
        ...{ mine, remote },
      },
    );
  });

  it('is read from the file that other clients keep', () => {
    verifies('R5.mcp-config');
    const fs = { command: 'npx', args: ['-y', 'a-server'], env: { A: '1' } };
    const file = {
      mcpServers: {
        fs: { type: 'stdio', ...fs },
        remote: { type: 'http', url: 'https://tools.example.com/mcp' },
        unused: { command: 'x', disabled: true },
      },
    };
    const servers = { fs, remote: { url: 'https://tools.example.com/mcp' } };

    assert.deepEqual(mcpServersFrom(file), servers);
    assert.deepEqual(mcpServersFrom(JSON.stringify(file)), servers);
  });

  const server = (each: unknown) => () => mcpServersFrom({ mcpServers: { a: each } });
  const wrong: readonly (readonly [string, () => unknown, RegExp])[] = [
    ['no JSON', () => mcpServersFrom('{'), /no JSON/],
    ['no servers', () => mcpServersFrom({ servers: {} }), /write: \{ "mcpServers"/],
    ['a command and a url', server({ command: 'x', url: 'https://x.example' }), /either a command/],
    ['neither', server({ args: [] }), /'a': it takes either a command or a url/],
    ['arguments in one text', server({ command: 'x', args: '-y' }), /'a': args: /],
    ['what it does not know', server({ command: 'x', shell: true }), /shell/],
    ['an older transport', server({ type: 'sse', url: 'https://x.example' }), /type 'sse'/],
    ['a placeholder', server({ command: 'x', env: { KEY: `\${KEY}` } }), /env\.KEY.*envFrom/],
    ['an address without TLS', server({ url: 'http://x.example/mcp' }), /https:/],
    ['credentials in it', server({ url: 'https://u:p@x.example/mcp' }), /headersFrom/],
    [
      'another host as this machine',
      server({ url: 'http://x.example', loopback: true }),
      /this machine/,
    ],
    [
      'OAuth without an issuer',
      server({ url: 'https://x.example', oauth: { clientId: 'c', clientSecretFrom: 'S' } }),
      /issuer/,
    ],
    [
      'a name for a shell',
      () => mcpServersFrom({ mcpServers: { 'a b': { command: 'x' } } }),
      /its name takes/,
    ],
    [
      'a relative root',
      () => mcpServers({ a: { root: 'reports' } }),
      /absolute paths, not 'reports'/,
    ],
    ['no root', () => mcpServers({ a: { root: [] } }), /absolute paths, not none/],
  ];
  for (const [what, read, message] of wrong) {
    it(`refuses ${what}`, () => {
      assert.throws(read, invalid(message));
    });
  }
});

function npx(...args: readonly string[]) {
  return { command: 'npx', args: ['-y', ...args] };
}
