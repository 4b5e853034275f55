import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'tutti-test-compiled-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

/** Every process of the tests compiles the same files; the cache halves what a start costs. */
export const compileCacheEnv = { NODE_COMPILE_CACHE: folder };
