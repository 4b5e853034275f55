// `node scripts/launch.mjs FILE ARGS…`: makes sure that the packages are installed, then runs FILE under Node 24.
// Every npm script that runs TypeScript goes through here, so each works on a fresh clone and on an older Node.
import { nodeFlagsIn, runInstead } from '../bin/node24.mjs';
import { ensureInstall, failInstall } from './ensure-install.mjs';
import { ensureBundles } from './package-bundles.mjs';

const node = await ensureInstall().catch(failInstall);
// Where they cannot be written everything runs without.
await ensureBundles().catch(() => {});
runInstead(node, [...nodeFlagsIn(process.env), ...process.argv.slice(2)]);
