import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { readHead, verifyFile } from '../../../core/engine/audit/export-file.ts';
import { signHead } from '../../../core/engine/audit/head.ts';
import { headLineOf, lineOf } from '../../../core/engine/audit/line.ts';
import { aChain } from '../../support/audit.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { verifies } from '../../support/verifies.ts';

const rows = aChain(6);
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const key = {
  privateKey,
  publicKey: publicKey.export({ format: 'der', type: 'spki' }).toString('hex'),
};
const hash = rows.at(-1)?.hash.toString('hex') as string;
const signed = signHead({ tenantId: 1, seq: 6, hash, at: '2026-11-21T21:00:00.000Z' }, key);
const lines = [...rows.map(lineOf), headLineOf(signed)];
const whole = Buffer.from(`${lines.join('\n')}\n`);

describe('an exported file of the audit log', () => {
  const folder = scratchFolder({});
  const path = join(folder.path, 'audit.jsonl');
  after(() => folder[Symbol.dispose]());

  async function faultOf(bytes: Buffer | string): Promise<string> {
    writeFileSync(path, bytes);
    const { fault } = await verifyFile(path);
    return fault ? `${fault.kind} ${fault.seq}` : 'none';
  }

  const fileOf = (of: readonly string[]): string => of.map((line) => `${line}\n`).join('');

  it('is as it was written, when it is', async () => {
    assert.equal(await faultOf(whole), 'none');
    assert.deepEqual(await readHead(path), signed);
  });

  it('shows any byte that was changed, and names its row', async () => {
    verifies('R12.audit');
    const ends = lines.map((_, index) => Buffer.byteLength(fileOf(lines.slice(0, index + 1))));
    await fc.assert(
      fc.asyncProperty(
        ...[fc.nat({ max: whole.length - 1 }), fc.integer({ min: 1, max: 255 })],
        async (at, mask) => {
          const bytes = Buffer.from(whole);
          bytes[at] = (bytes[at] as number) ^ mask;
          const line = ends.findIndex((end) => at < end) + 1;
          const fault = await faultOf(bytes);

          const [, number] =
            /"seq":(\d)/.exec(bytes.toString('latin1').split('\n')[line - 1] ?? '') ?? [];
          // In the head: what stands there is none, or not the one that was signed.
          if (line > rows.length) assert.match(fault, /^(edited 7|signature \d+)$/);
          else if (number === undefined || number === `${line}`)
            assert.equal(fault, `edited ${line}`);
          // A row whose own number was changed is one that is missing, or one too many.
          else assert.match(fault, new RegExp(`^(gap ${line}|inserted ${number})$`));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('shows every line that is missing, doubled or elsewhere', async () => {
    for (const [index] of rows.entries()) {
      const seq = index + 1;
      const last = seq === rows.length;
      const gap = last ? `truncated ${seq}` : `gap ${seq}`;
      assert.equal(await faultOf(fileOf(lines.toSpliced(index, 1))), gap);
      const twice = lines.toSpliced(index, 0, lines[index] as string);
      assert.equal(await faultOf(fileOf(twice)), `inserted ${seq}`);
      if (last) continue;
      const swapped = lines
        .with(index, lines[index + 1] as string)
        .with(index + 1, lines[index] as string);
      assert.equal(await faultOf(fileOf(swapped)), `reordered ${seq}`);
    }
  });

  it('counts as cut off without its head', async () => {
    assert.equal(await faultOf(fileOf(lines.slice(0, -1))), 'truncated 7');
    assert.equal(await faultOf(fileOf(lines.slice(0, 3))), 'truncated 4');
    assert.equal(await faultOf(''), 'truncated 1');
    assert.equal(
      await faultOf(fileOf([...lines.slice(0, 3), lines.at(-1) as string])),
      'truncated 4',
    );
  });

  it('is held against the key that counts, and against an older head', async () => {
    writeFileSync(path, whole);
    const strangers = await verifyFile(path, { keys: ['00'] });
    const older = signHead({ ...signed.head, seq: 9 }, key);

    assert.equal(strangers.fault?.kind, 'signature');
    assert.equal((await verifyFile(path, { keys: [key.publicKey] })).fault, null);
    assert.equal((await verifyFile(path, { heads: [older] })).fault?.kind, 'truncated');
    await assert.rejects(verifyFile(join(folder.path, 'none')), { code: 'INPUT_INVALID' });
  });
});
