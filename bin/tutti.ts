import { main } from './main.ts';

// A reader that has seen enough (`tutti findings | head`) is no failure; the command still ends in order.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});
// The code is set and not forced, so that what was written to a pipe arrives in full.
process.exitCode = await main(process.argv.slice(2), process.env);
