import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder that all processes of the tests share, and that goes with the test process. */
export const sharedFolder = mkdtempSync(join(tmpdir(), 'tutti-test-shared-'));
process.once('exit', () => rmSync(sharedFolder, { recursive: true, force: true }));

/** Every process of the tests compiles the same files; the cache, of this run or of all, halves what a start costs. */
export const compileCacheEnv: { readonly NODE_COMPILE_CACHE: string } = {
  NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(sharedFolder, 'compiled'),
};
