import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../../core/base/errors.ts';
import type { MachinesConfig } from '../../core/ports/machines-config.ts';

/** What one side shows the other, and by whose word it believes it: the options of a TLS connection. */
export interface Papers {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly minVersion: 'TLSv1.3';
}

/** Reads the files that a configuration names. @throws CONFIG_INVALID for one that cannot be read */
export function readPapers(
  { ca, cert, key }: Pick<MachinesConfig, 'ca' | 'cert' | 'key'>,
  configUrl: string,
): Papers {
  const folder = dirname(fileURLToPath(configUrl));
  const read = (member: string, path: string): Buffer => {
    try {
      return readFileSync(resolve(folder, path));
    } catch (cause) {
      const { code = 'unreadable' } = cause as NodeJS.ErrnoException;
      throw new EngineError(
        'CONFIG_INVALID',
        `\`machines.${member}\` is '${path}', which cannot be read (${code}); put the certificate's file there.`,
        { cause },
      );
    }
  };
  return {
    ...{ ca: read('ca', ca), cert: read('cert', cert), key: read('key', key) },
    minVersion: 'TLSv1.3',
  };
}
