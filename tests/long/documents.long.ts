import { fuzzDocuments } from '../support/document-fuzz-run.ts';
import { verifies } from '../support/verifies.ts';

const documents = Number(process.env.FUZZ_RUNS ?? 100_000);

describe('random and mutated documents, many', function () {
  this.timeout(60_000 + documents * 50);

  it('are read, checked and compiled without a crash, and none is accepted that breaks I11', () => {
    verifies('R1.document-form', 'R2.cycle', 'R2.missing');
    fuzzDocuments(documents);
  });
});
