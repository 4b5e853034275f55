import { CrashLab } from '../support/crash-lab.ts';
import { assertPutApart } from '../support/poison.ts';
import { verifies } from '../support/verifies.ts';

describe('an agent that ends its own process each time', function () {
  this.timeout(300_000);
  let lab: CrashLab;

  before(async () => {
    lab = await CrashLab.open();
  });
  after(function () {
    return lab.close(this);
  });

  it('is put apart and given up; the others finish, once each, after few restarts', async () => {
    verifies('R8.quarantine', 'R8.isolation');
    await assertPutApart(lab, 60);
  });
});
