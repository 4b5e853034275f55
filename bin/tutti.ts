import { exit } from './command.ts';
import { main } from './main.ts';

let isLost = false;
// A reader that has seen enough (`tutti findings | head`) is no failure; the command still ends in order.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  if (code === 'EPIPE' || isLost) return;
  isLost = true;
  process.once('exit', (ended) => {
    if (ended === exit.done) process.exitCode = exit.failed;
  });
  console.error(`The standard output cannot be written (${code}); what it was to hold is lost.`);
});
// What nobody hears any more ends no work.
process.stderr.on('error', () => {});
// The code is set and not forced, so that what was written to a pipe arrives in full.
process.exitCode = await main(process.argv.slice(2), process.env);
