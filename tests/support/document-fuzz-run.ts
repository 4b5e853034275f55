import assert from 'node:assert/strict';
import fc from 'fast-check';
import { chances } from './chances.ts';
import { type Fate, grafted, judge, mangled, randomDocument } from './document-fuzz.ts';
import { exampleDocuments, exampleRegistry } from './documents.ts';
import { brokenGraph } from './graph-oracle.ts';

/** Milliseconds of the thread that 999 of 1,000 documents stay below. */
const boundMs = 50;

/**
 * Judges this many documents, a third of each kind: random ones of the form, examples with mangled characters, examples with grafted
 * values. A failure names the seed: FC_SEED and FC_PATH try that document again.
 */
export function fuzzDocuments(documents: number): void {
  const servers = new Map(['fs_reports', 'docs-2.1'].map((name) => [name, {}]));
  const registry = { ...exampleRegistry(), servers };
  const texts = exampleDocuments().map(({ text }) => text);
  // The first documents pay for the compiler of the machine.
  for (const text of texts) judge(text, registry);
  for (const [name, document] of Object.entries({
    random: randomDocument,
    mangled: mangled(texts),
    grafted: grafted(texts),
  })) {
    const fates: Fate[] = [];
    const property = fc.property(document, (text) => {
      const fate = judge(text, registry);
      fates.push(fate);
      if (!fate.data) return;
      assert.equal(brokenGraph(fate.data), null);
      assert.deepEqual(JSON.parse(JSON.stringify(fate.data)), fate.data);
    });
    const tried = chances(Math.ceil(documents / 3));
    fc.assert(property, tried);
    if (process.env.FUZZ_TELL) tell(name, fates);
    if (tried.path === undefined) assertSeen(name, fates);
  }
}

/** Both fates, else the documents show nothing; and all but one in 1,000 within the bound. */
function assertSeen(name: string, fates: readonly Fate[]): void {
  for (const kind of ['accepted', 'refused'])
    assert.ok(
      fates.filter((fate) => fate.kind === kind).length > fates.length / 100,
      `Of ${fates.length} ${name} documents hardly any was ${kind}.`,
    );
  const slow = fates.filter(({ cpuMs }) => cpuMs > boundMs).length;
  assert.ok(
    slow <= Math.max(1, fates.length / 1_000),
    `${slow} of ${fates.length} ${name} documents took more than ${boundMs} ms.`,
  );
}

function tell(name: string, fates: readonly Fate[]): void {
  const times = fates.map(({ cpuMs }) => cpuMs).sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(share * (times.length - 1))]?.toFixed(1);
  const accepted = fates.filter(({ kind }) => kind === 'accepted').length;
  console.log(
    `      ${name}: ${fates.length} documents, ${accepted} accepted; median ${at(0.5)} ms, 99.9 % ${at(0.999)} ms, longest ${at(1)} ms`,
  );
}
