import { CrashLab } from '/work/main/tests/support/crash-lab.ts';
import { assertWhole, assertMoney } from '/work/main/tests/support/crash-bars.ts';
describe('try', () => {
  it('runs', async function () {
    const lab = await CrashLab.open();
    for (let i = 0; i < 3; i++) {
      let t = performance.now();
      const items = [1,2,3,4].map((n) => `t${i}-${n}`);
      const e = lab.engine({ submit: 'crash.work', items });
      await e.ready; console.log('ready', performance.now() - t);
      const run = await e.run; console.log(run, performance.now() - t);
      console.log(await e.ended, performance.now() - t);
      const rows = await lab.query('select kind, count(*)::int from tutti.entry where run_id=$1 group by 1', [run!.id]);
      if (i==0) console.log(rows, await lab.query('select no from tutti.flush'), await lab.query("select node,status,error,attempt from tutti.step where status<>'succeeded'"));
      await assertWhole(lab, [{ id: run!.id, items }]);
    }
    await assertMoney(lab);
    await lab.close();
  });
});
