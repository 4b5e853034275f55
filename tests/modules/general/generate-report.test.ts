import assert from 'node:assert/strict';
import { load } from 'cheerio';
import { runTool, testOutside } from 'tutti/testing';
import { toPdf } from '../../../modules/general/report/pdf.ts';
import { generateReport } from '../../../modules/general/tools/generate-report.ts';
import { verifies } from '../../support/verifies.ts';
import { readPdf } from './pdf-text.ts';

const rows = Array.from({ length: 120 }, (_, index) => [
  `INV-${1_000 + index}`,
  index === 0
    ? 'A vendor whose name is so long that it takes several lines in its column '.repeat(3)
    : `Vendor ${index}`,
  `${index * 7}.50`,
]);

const report = (path: string, text = 'Ninety bills are open.\n\nSome of them for long.') => ({
  path,
  title: 'Payables <in> June',
  subtitle: null,
  sections: [
    {
      heading: 'Summary & more',
      blocks: [
        { kind: 'text', text },
        { kind: 'figures', figures: [{ label: 'Open', value: '€ 90' }] },
        {
          kind: 'chart',
          caption: 'By company',
          unit: 'EUR',
          bars: [
            { label: 'DE', value: 12 },
            { label: 'FR', value: -3 },
          ],
        },
      ],
    },
    {
      heading: null,
      blocks: [{ kind: 'table', caption: 'Bills', columns: ['Bill', 'Vendor', 'Amount'], rows }],
    },
  ],
});

async function write(args: unknown, today = '2026-06-30'): Promise<Uint8Array> {
  const world = testOutside();
  const run = await runTool(generateReport, args, { outside: world.of, today });
  assert.ok(run.kind === 'effected' && run.value.kind === 'applied', JSON.stringify(run));
  const { path, bytes, sha256 } = run.value.result;
  const content = world.files.get(path) as Uint8Array;
  assert.deepEqual([bytes, sha256.length], [content.length, 64]);
  return content;
}

describe('a report', () => {
  it('as HTML says everything and runs nothing, whatever its texts hold', async () => {
    verifies('R5.report-tool');
    const hostile = '<script>alert(1)</script><img src=x onerror=y>"\'&';
    const html = new TextDecoder().decode(await write(report('june.html', hostile)));
    const page = load(html);

    assert.equal(page('script, img, iframe, link, [onerror]').length, 0);
    assert.doesNotMatch(html, /https?:\/\//);
    assert.match(html, /Content-Security-Policy" content="default-src 'none'/);
    assert.equal(page('title').text(), 'Payables <in> June');
    assert.equal(page('section p').text(), hostile);
    assert.deepEqual(
      [page('tbody tr').length, page('rect').length, page('dd').text()],
      [120, 2, '€ 90'],
    );
    assert.deepEqual(
      page('thead th')
        .toArray()
        .map((cell) => page(cell).attr('class') ?? ''),
      ['', '', 'number'],
    );
    assert.match(page('.under').text(), /2026-06-30/);
  });

  it('as a PDF is a sound file of numbered pages, each of which a table begins with its head', async () => {
    verifies('R5.report-tool');
    const { pages, texts, isSound } = readPdf(await write(report('june.pdf')));

    assert.ok(isSound);
    assert.ok(pages > 3, String(pages));
    const own = texts.filter((text) => text.includes(` / ${pages}`));
    assert.equal(own.length, pages);
    for (const [index, text] of own.entries()) {
      assert.ok(text.includes(`${index + 1} / ${pages}`));
      assert.ok(text.includes('Bill\nVendor\nAmount'), `page ${index + 1}`);
    }
    const all = texts.join('\n');
    for (const text of ['Payables <in> June', 'Some of them for long.', 'By company', '-3 EUR'])
      assert.ok(all.includes(text), text);
    assert.equal([...all.matchAll(/INV-1\d{3}/g)].length, 120);
  });

  it('is the same bytes for the same content and day', async () => {
    for (const path of ['june.pdf', 'june.html']) {
      const [first, second] = [await write(report(path)), await write(report(path))];
      assert.ok(Buffer.compare(first, second) === 0, path);
      assert.ok(Buffer.compare(first, await write(report(path), '2026-07-01')) !== 0, path);
    }
  });

  it('is refused before anything is written where it does not hold together', async () => {
    const world = testOutside();
    const told = async (args: unknown) => {
      const run = await runTool(generateReport, args, { outside: world.of });
      return run.kind === 'error' ? `${run.error.code} ${run.error.message}` : run.kind;
    };
    const crooked = {
      kind: 'table',
      caption: null,
      columns: ['a', 'b'],
      rows: [['1', '2'], ['3']],
    };

    assert.match(await told(report('june.exe')), /TOOL_INPUT_INVALID.*must end in \.html or \.pdf/);
    assert.match(
      await told(report('june.pdf', 'Wěi 銀')),
      /TOOL_INPUT_INVALID.*lack 'ě' \(U\+011B\)/,
    );
    assert.match(
      await told({ ...report('june.pdf'), sections: [{ heading: null, blocks: [crooked] }] }),
      /TOOL_INPUT_INVALID.*rows\.1: has 1 texts for 2 columns/,
    );
    assert.match(await told(report('../june.pdf')), /FILE_REFUSED/);
    assert.equal(world.files.size, 0);
    assert.ok((await write(report('june.html', 'Wěi 銀'))).length > 0);
  });

  it('that is long lets others work meanwhile, and ends when its call does', async () => {
    let turns = 0;
    let isDone = false;
    const turn = (): void => {
      turns += 1;
      if (!isDone) setImmediate(turn);
    };
    setImmediate(turn);
    await write(report('june.pdf'));
    isDone = true;

    assert.ok(turns >= rows.length / 10, String(turns));
    const signal = AbortSignal.abort(new Error('over'));
    await assert.rejects(
      toPdf(report('june.pdf') as never, { today: '2026-06-30', signal }),
      /over/,
    );
  });

  it('is an effect of its own by path and content, which may be repeated', () => {
    const { key, effect, repeatable } = generateReport;
    const [one, same, other] = [report('a.pdf'), report('a.pdf'), report('b.pdf')].map((each) =>
      JSON.stringify(key(each as never)),
    );

    assert.deepEqual(
      [one === same, one === other, effect, repeatable],
      [true, false, 'send', true],
    );
  });
});
