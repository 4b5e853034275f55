import { readFileSync } from 'node:fs';

/** The release, as stored with engines. */
export const version: string = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    readonly version: string;
  }
).version;
