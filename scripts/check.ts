// `npm run check` runs all checks; `npm run lint` and others one of them; `npm run format` puts the layout right.
import { checks, format } from './checks.ts';

const only = process.argv[2];
if (only === 'format') {
  const { passed, output } = await format();
  console.log(output);
  process.exit(passed ? 0 : 1);
}

let failed = 0;
for (const { name, claim, run } of checks) {
  if (only !== undefined && only !== name) continue;
  const { passed, output } = await run();
  console.log(`${passed ? 'ok    ' : 'FAILED'} ${name}: ${claim}`);
  if (passed) continue;
  console.log(`\n${output}\n`);
  failed += 1;
}
process.exit(failed === 0 ? 0 : 1);
