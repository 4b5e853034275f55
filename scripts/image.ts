// Bundles the console for an image, which has no bundler: the Dockerfile calls it. In a checkout nobody needs it.
import { fileURLToPath } from 'node:url';
import { writeConsole } from './console-bundle.ts';

await writeConsole(fileURLToPath(new URL('../core/service/console/built', import.meta.url)));
