import type { MochaOptions, Runner, Test } from 'mocha';
import { requirements } from '../requirements.ts';
import { type CitingTest, dropCited, takeCited } from './verifies.ts';

let hasEnded = false;

// A test file that cannot be loaded, or a process of tests that dies, ends mocha before its end; the last line is owed even so, and
// what has not ended has not passed.
process.once('exit', (code) => {
  if (hasEnded) return;
  console.log('\n0 passed, 1 failed');
  process.exitCode = code || 1;
});

/**
 * Mocha reporter: a dot a test, failures in full, at the end how many requirements the tests verified and, alone on the
 * last line, `N passed, N failed` (`, N skipped` follows when there are any).
 */
export default class Reporter {
  readonly #verified = new Set<string>();
  readonly #failures: { readonly test: Test; readonly error: Error }[] = [];
  #passed = 0;
  #skipped = 0;

  constructor(runner: Runner, _options: MochaOptions) {
    runner.on('test', () => dropCited());
    runner.on('pass', (test: Partial<CitingTest>) => {
      this.#passed += 1;
      for (const id of test.cited ?? takeCited()) this.#verified.add(id);
      process.stdout.write('.');
    });
    runner.on('fail', (test, error) => {
      this.#failures.push({ test, error });
      process.stdout.write('F');
    });
    runner.on('pending', () => {
      this.#skipped += 1;
      process.stdout.write('-');
    });
    runner.once('end', () => this.#end());
  }

  #end(): void {
    hasEnded = true;
    const lines = this.#failures.map(({ test, error }, index) => {
      const where = test.file?.replace(`${process.cwd()}/`, '') ?? '';
      return `\n${index + 1}) ${test.fullTitle()}\n   ${where}\n\n${indent(describe(error))}`;
    });
    const open = requirements.length - this.#verified.size;
    if (open > 0) {
      lines.push(
        `\n${this.#verified.size} of ${requirements.length} requirements verified; npm run requirements lists the others.`,
      );
    }
    const skipped = this.#skipped === 0 ? '' : `, ${this.#skipped} skipped`;
    lines.push(`\n${this.#passed} passed, ${this.#failures.length} failed${skipped}`);
    console.log(`\n${lines.join('\n')}`);
  }
}

/** Message, the difference where the assertion has one in its message, stack without mocha's own frames, causes. */
function describe(error: Error): string {
  const stack = (error.stack ?? `${error}`)
    .split('\n')
    .filter((line) => !/node_modules\/mocha\/|\(?node:internal/.test(line))
    .join('\n');
  const cause = error.cause instanceof Error ? `\ncaused by ${describe(error.cause)}` : '';
  return stack + cause;
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '   ');
}
