import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A folder of one test's own, with the given files; it goes with `using`. */
export function scratchFolder(
  files: Readonly<Record<string, string>>,
): Disposable & { readonly path: string } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'tutti-test-')));
  // Root's database server runs as somebody else, who has to pass: a data folder in here would otherwise point to a database that stays elsewhere.
  chmodSync(path, 0o711);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, file)), { recursive: true });
    writeFileSync(join(path, file), text);
  }
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
