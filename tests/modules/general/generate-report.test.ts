import assert from 'node:assert/strict';
import { load } from 'cheerio';
import { runTool, testOutside } from 'tutti/testing';
import { toPdf } from '../../../modules/general/report/pdf.ts';
import { printable, unprintableIn } from '../../../modules/general/report/printable.ts';
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

/** A text without white space: the writer breaks lines where it has to, and lays an accent down by itself. */
function solid(text: string): string {
  return text.replace(/\s+/g, '');
}

/** Each character, as it is printed, that a PDF takes and shows something of. */
function charactersTaken(): readonly string[] {
  const each = Array.from({ length: 0xd7ff }, (_, code) => String.fromCharCode(code)).concat(
    Array.from({ length: 0x1fff }, (_, code) => String.fromCharCode(0xe000 + code)),
  );
  const taken = each.filter((one) => unprintableIn([one]).length === 0).map(printable);
  return [...new Set(taken)].filter((one) => one.trim() !== '');
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

  it('as a PDF prints letters from Iceland to Georgia, signs and currencies, and they read as themselves', async () => {
    verifies('R5.report-tool');
    const sentences = [
      'Zażółć gęślą jaźń: 12 faktur z Łodzi',
      'Ο λογαριασμός είναι ανοιχτός· δώδεκα τιμολόγια',
      'Съешь же ещё этих мягких булок: счёт № 12 не оплачен',
      'Þjóð, Dvořák, İşçi, Đặng, Ķemeri, Țepeș, Київ, Љубљана, Հայաստան, საქართველო',
      '✓ 1 ≤ 2 → 3 ≈ −4 · 5 € ₽ ₴ ₺ ₹ x̂',
    ];
    const bytes = await write({
      ...{ path: 'all.pdf', title: 'Łódź', subtitle: 'Łódź' },
      sections: sentences.map((text) => ({ heading: text, blocks: [{ kind: 'text', text }] })),
    });
    const { texts, isSound } = readPdf(bytes);

    assert.ok(isSound);
    for (const text of ['Łódź', ...sentences])
      assert.ok(solid(texts.join('\n')).split(solid(text)).length > 2, text);
    // A font as a whole has 680 kB.
    assert.ok(bytes.length < 80_000, String(bytes.length));
  });

  it('as a PDF prints in both weights each of the characters that it takes', async () => {
    const taken = charactersTaken();
    const parts = Array.from({ length: Math.ceil(taken.length / 100) }, (_, index) =>
      taken.slice(100 * index, 100 * index + 100).join(' '),
    );
    const bytes = await write({
      ...{ path: 'all.pdf', title: 'All', subtitle: null },
      sections: parts.map((text) => ({ heading: text, blocks: [{ kind: 'text', text }] })),
    });
    const text = readPdf(bytes).texts.join('\n');
    const missing = taken.filter((each) => text.split(each).length - 1 < 2);

    assert.ok(taken.length > 3_000, String(taken.length));
    assert.deepEqual(missing, []);
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
      await told(report('june.pdf', 'Wěi 銀行, 銀 שלום')),
      /TOOL_INPUT_INVALID.*not '銀' \(U\+9280\), '行' \(U\+884C\), 'ש' \(U\+05E9\), .* name an \.html file/,
    );
    assert.match(
      await told(report('june.pdf', '一二三四五六七八九十百千')),
      /'十' \(U\+5341\) and 2 more;/,
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
