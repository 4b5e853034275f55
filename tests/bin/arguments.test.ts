import assert from 'node:assert/strict';
import { actionIn, describeUsage, readArguments } from '../../bin/arguments.ts';

const usage = {
  name: 'run',
  about: 'Runs a workflow.',
  positionals: ['WORKFLOW'],
  flags: {
    input: { value: 'JSON', about: 'input' },
    scale: { value: 'N', about: 'size' },
    json: { about: 'JSON' },
  },
} as const;

describe('the arguments of a command', () => {
  it('are read with their flags, before and after what has none', () => {
    const args = readArguments(usage, ['--json', 'nightly', '--input', '{"a":[1]}', '--scale=3']);

    assert.deepEqual(args.positionals, ['nightly']);
    assert.equal(args.has('json'), true);
    assert.deepEqual(args.json('input'), { a: [1] });
    assert.equal(args.integer('scale', { from: 1, to: 20 }), 3);
    assert.equal(args.text('config'), undefined);
  });

  it('are refused in one line that says what to do', () => {
    const wrong: readonly (readonly [string, readonly string[]])[] = [
      ["tutti run has no flag '--nope'; see: tutti help run", ['nightly', '--nope']],
      ["tutti run has no flag '-x'; see: tutti help run", ['nightly', '-x']],
      ['tutti run needs WORKFLOW; see: tutti help run', []],
      ["tutti run does not take 'b'; see: tutti help run", ['a', 'b']],
      ["tutti run needs a value for '--scale'; see: tutti help run", ['a', '--scale']],
      ["tutti run takes no value for '--json'; see: tutti help run", ['a', '--json=1']],
    ];
    for (const [message, argv] of wrong) {
      assert.throws(() => readArguments(usage, argv), { code: 'INPUT_INVALID', message });
    }
  });

  it('are checked for what a flag takes', () => {
    const scaleOf = (scale: string) =>
      readArguments(usage, ['a', `--scale=${scale}`]).integer('scale', { from: 1, to: 20 });
    for (const scale of ['0', '21', '1.5', '-1', '1e1', '', 'many']) {
      assert.throws(() => scaleOf(scale), /takes a whole number from 1 to 20 for --scale/);
    }
    assert.throws(
      () => readArguments(usage, ['a', '--input={']).json('input'),
      /takes JSON for --input/,
    );
  });

  it('name an action that there is, which no member of every object is', () => {
    const actions = { list: 1, add: 2 };

    assert.equal(actionIn('key', actions, 'add'), 2);
    for (const named of ['', 'constructor', 'toString', 'ad'])
      assert.throws(() => actionIn('key', actions, named), {
        code: 'INPUT_INVALID',
        message: `tutti key takes list, add, not '${named}'; see: tutti help key`,
      });
  });

  it('need nothing when help is asked for', () => {
    assert.equal(readArguments(usage, ['--help']).has('help'), true);
    assert.match(
      describeUsage(usage).join('\n'),
      /^tutti run WORKFLOW \[flags\]\n.*--input JSON +input\n/s,
    );
  });
});
