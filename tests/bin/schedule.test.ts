import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { BackfillView } from '../../core/service/schedules/backfills.ts';
import type { ScheduleView } from '../../core/service/schedules/desk.ts';
import type { SlotView } from '../../core/service/schedules/slot.ts';
import { booksDatabase } from '../support/company.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { type Place, runCli, startCli } from './cli.ts';

const config = fileURLToPath(new URL('../support/fixtures/schedules.config.ts', import.meta.url));

describe('tutti schedule', function () {
  this.timeout(180_000);
  const folder = scratchFolder({});
  let fresh: FreshDatabase;
  let place: Place;

  before(async () => {
    fresh = await booksDatabase();
    place = { cwd: folder.path, env: { DATABASE_URL: fresh.url } };
  });
  after(async function () {
    folder[Symbol.dispose]();
    await fresh.drop(this);
  });

  const tutti = (...args: string[]) => runCli(place, ['schedule', ...args, '--config', config]);
  async function read<T>(...args: string[]): Promise<T> {
    const { stdout, stderr, code } = await tutti(...args, '--json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as T;
  }

  it('previews a schedule and any expression, with no database', async () => {
    verifies('R2.schedule');
    const nowhere = { ...place, env: { DATABASE_URL: 'postgresql://nobody@localhost:1/none' } };
    const preview = (...args: string[]) =>
      runCli(nowhere, ['schedule', 'preview', ...args, '--config', config]);
    const [own, any, zoneless, nowhereOnEarth, wrong, unknown] = await Promise.all([
      preview('chorus_close', '--count', '2'),
      preview('30 2 * * *', '--zone', 'Europe/Berlin', '--count', '3'),
      preview('30 2 * * *'),
      preview('30 2 * * *', '--zone', 'Nix/Nowhere'),
      preview('30 2 * *', '--zone', 'Europe/Berlin'),
      preview('none'),
    ]);
    assert.match(own.stdout, /^(\d{4}-\d\d-\d\dT12:00:00\+0[12]:00 {2}Europe\/Berlin .*\n){2}$/);
    assert.match(any.stdout, /^(.*T0[23]:[03]0:00\+0[12]:00 .*\n){3}$/);
    assert.match(zoneless.stderr, /^INPUT_INVALID: .*needs --zone/);
    assert.match(
      nowhereOnEarth.stderr,
      /^INPUT_INVALID: .*time zone for --zone, not 'Nix\/Nowhere'/,
    );
    assert.match(wrong.stderr, /^INPUT_INVALID: '30 2 \* \*' has 4 fields/);
    assert.match(unknown.stderr, /^SCHEDULE_UNKNOWN: .*chorus_daily, chorus_close/);
    assert.deepEqual([zoneless.code, wrong.code, unknown.code], [2, 2, 2]);
  });

  it('lists, pauses, resumes and triggers, and says that nobody serves', async () => {
    verifies('R2.schedule-policies');
    const listed = await tutti('list');
    assert.match(listed.stdout, /^chorus_daily +chorus +30 2 \* \* \* Europe\/Berlin .* never$/m);
    assert.match(listed.stdout, /^2 schedules\. Nobody serves/m);

    const paused = await read<ScheduleView>('pause', 'chorus_daily', '--reason', 'a freeze');
    const resumed = await read<ScheduleView>('resume', 'chorus_daily');
    const slot = await read<SlotView>(
      'trigger',
      'chorus_daily',
      '--key',
      'k',
      '--date',
      '2026-06-30',
    );
    const shown = await tutti('trigger', 'chorus_daily');

    assert.deepEqual([paused.paused?.reason, resumed.paused], ['a freeze', null]);
    assert.deepEqual(
      [slot.state, slot.businessDate, slot.origin],
      ['fired', '2026-06-30', 'trigger'],
    );
    assert.match(shown.stdout, /is skipped: its last run goes on; --overlap allow/);
    const slots = await read<readonly SlotView[]>('slots', 'chorus_daily');
    assert.deepEqual(
      slots.map(({ reason }) => reason),
      ['overlap', null],
    );
  });

  it('backfills what somebody who serves carries out, who says what starts next', async () => {
    verifies('R2.backfill');
    const span = ['--from', '2026-03-28', '--to', '2026-03-30'];
    const planned = await tutti('backfill', 'chorus_daily', ...span, '--dry-run');
    assert.match(planned.stdout, /^2026-03-29T03:00:00\+02:00 {2}for 2026-03-29 {2}queued$/m);
    assert.match(planned.stdout, /^It would be 3 slots of 'chorus_daily', 3 runs, 1 at once/m);
    // The sample's books are closed up to May.
    const closing = await tutti(
      'backfill',
      'chorus_close',
      '--from',
      '2026-03-01',
      '--to',
      '2026-06-30',
      '--dry-run',
    );
    assert.deepEqual(closing.stdout.match(/(?<=for 2026-)\S+ {2}(queued|skipped: \w+)/g), [
      ...['03-27  skipped: period_locked', '04-28  skipped: period_locked'],
      ...['05-28  queued', '06-26  queued'],
    ]);
    const made = await read<BackfillView>('backfill', 'chorus_daily', ...span);

    const serving = startCli(place, ['serve', '--port', '0', '--config', config]);
    await serving.says(
      /Schedules +'chorus_\w+' starts by itself at \S+\+0[12]:00, .*; 1 more after that/,
    );
    let view = made;
    const deadline = performance.now() + 60_000;
    while (view.state === 'running' && performance.now() < deadline)
      view = await read<BackfillView>('show', made.id as string);
    serving.child.kill('SIGTERM');
    await serving.ended;

    assert.deepEqual(
      view.slots.map(({ outcome }) => outcome),
      Array(3).fill('succeeded'),
    );
  });

  it('refuses what is wrong in one line, and ends with 2', async () => {
    const wrong: readonly (readonly [RegExp, readonly string[]])[] = [
      [/takes list, preview, .*not 'start'/, ['start', 'chorus_daily']],
      [/pause needs a NAME/, ['pause']],
      [/SCHEDULE_UNKNOWN/, ['slots', 'none']],
      [/needs --from and --to/, ['backfill', 'chorus_daily']],
      [
        /takes none, failed, completed for --reprocess/,
        [
          ...['backfill', 'chorus_daily', '--from', '2026-01-01', '--to', '2026-01-02'],
          ...['--reprocess', 'all'],
        ],
      ],
      [/takes a day for --date/, ['trigger', 'chorus_daily', '--date', 'today']],
    ];
    for (const [message, args] of wrong) {
      const { code, stderr } = await tutti(...args);
      assert.match(stderr, message);
      assert.equal(code, 2);
    }
  });
});
