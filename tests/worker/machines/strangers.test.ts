import assert from 'node:assert/strict';
import { connect as connectPlain, type Socket } from 'node:net';
import { type ConnectionOptions, connect, createServer } from 'node:tls';
import { readPapers } from '../../../worker/machines/papers.ts';
import { frameOf } from '../../../worker/pool/frames.ts';
import { FarLab, type FarMachine } from '../../support/far-lab.ts';
import { type Ended, until } from '../../support/lab-pool.ts';
import { machinesSetup } from '../../support/machines-setup.ts';
import { verifies } from '../../support/verifies.ts';

const { paper, setup, ground } = machinesSetup;

function asOf(ended: Ended): string {
  assert.ok(ended.kind === 'succeeded', JSON.stringify(ended));
  return JSON.parse(ended.output).as;
}

function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

describe('agents on other machines, where strangers come,', () => {
  let lab: FarLab;

  /** The next job of this machine ends well. */
  async function works(): Promise<void> {
    assert.equal(asOf(await lab.jobs.send('far.place', {}).ended), 'edge-1');
  }

  describe('are kept from', () => {
    before(async () => {
      lab = await FarLab.open();
    });
    after(() => lab.close());

    /** A machine is not let in, and both sides say why; the words of each side, where they differ. Of others something may come late. */
    async function isRefused(
      options: Parameters<FarLab['machine']>[0],
      own: RegExp,
      engines = own,
    ): Promise<void> {
      lab.said.length = 0;
      const machine = await lab.machine({ ...options, waits: false });
      await until(() => found(machine.said, own) !== undefined, `the machine says ${own}`);
      await until(() => found(lab.said, engines) !== undefined, `the engine says ${engines}`);
      assert.equal(lab.pool.health.machines?.lanes.length, 0);
      machine.child.kill('SIGKILL');
      await machine.ended;
    }
    const found = (said: FarMachine['said'], why: RegExp): FarMachine['said'][number] | undefined =>
      said.find(({ reason }) => typeof reason === 'string' && why.test(reason));

    for (const [what, other, reason] of [
      ['another release', { release: '1.2.4' }, /runs Tutti 1\.2\.4, the engine 1\.2\.3/],
      ['another journal', { journal: 4 }, /knows journal 4/],
      ['other modules', { code: 'other' }, /modules.* are not those of the engine/],
      ['other models', { models: 'other' }, /other models/],
      ['another database', { database: 'other' }, /another database/],
    ] as const) {
      it(`machines with ${what}`, async () => {
        verifies('R13.remote');
        await isRefused({ ground: other }, reason);
        assert.equal(found(lab.said, reason)?.code, 'MACHINE_REFUSED');
      });
    }

    it('machines of a pool that names others', async () => {
      verifies('R13.remote');
      await isRefused({ pools: ['guarded'] }, /'guarded' is not for 'edge-1'/);
    });

    it('machines without a certificate of the authority, and with one that is for engines', async () => {
      verifies('R13.remote', 'R12.tls');
      for (const as of ['stranger', 'engine'])
        await isRefused({ as }, /connection/, /no certificate of our authority/);
    });

    it('machines whose thread loads something else than the engine has', async () => {
      verifies('R13.remote');
      const reason = /cannot load what the engine has: .*other declarations/;
      await isRefused({ env: { MACHINES_VERSION: '2.0.0' } }, reason);
    });
  });

  describe('are not harmed by', () => {
    before(async () => {
      lab = await FarLab.open();
      await lab.machine();
    });
    after(() => lab.close());

    const lanes = () => lab.pool.health.machines?.lanes ?? [];
    /** Nobody is there but the machine that belongs there. */
    const isAlone = () => lanes().length === 1 && lab.ready === 1;

    const open = (options: ConnectionOptions = {}) => {
      const own = {
        ca: paper('authority.crt'),
        cert: paper('edge-1.crt'),
        key: paper('edge-1.key'),
      };
      const socket = connect({
        ...{ ...readPapers(own, setup.configUrl), host: 'localhost', port: lab.port },
        ...options,
      });
      socket.on('error', () => {}).resume();
      return socket;
    };
    const greeting = { kind: 'greeting', pools: ['edge'], ground };

    it('an engine that shows the certificate of a machine: nothing is sent to it', async () => {
      verifies('R13.remote', 'R12.tls');
      const papers = readPapers(
        { ca: paper('authority.crt'), cert: paper('edge-1.crt'), key: paper('edge-1.key') },
        setup.configUrl,
      );
      let heard = 0;
      const thief = createServer({ ...papers, requestCert: true }, (socket) => {
        socket.on('error', () => {});
        socket.on('data', ({ length }) => {
          heard += length;
        });
      });
      thief.on('tlsClientError', () => {});
      await new Promise<void>((resolve) => thief.listen(0, 'localhost', resolve));
      try {
        const { port } = thief.address() as { readonly port: number };
        const machine = await lab.machine({ port, waits: false });
        await until(() => machine.said.length > 0, 'it says why');
        assert.match(String(machine.said[0]?.reason), /connection/);
        assert.equal(heard, 0);
        machine.child.kill('SIGKILL');
      } finally {
        thief.close();
      }
    });

    it('bytes that are no TLS, TLS of yesterday and TLS without a certificate', async () => {
      verifies('R13.remote', 'R12.tls');
      const plain = connectPlain(lab.port, 'localhost')
        .on('error', () => {})
        .resume();
      plain.write('GET / HTTP/1.1\r\n\r\n');
      const old = open({ maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' });
      const nobody = open({ cert: undefined, key: undefined });

      await Promise.all([plain, old, nobody].map(closeOf));

      assert.ok(isAlone());
      await works();
    });

    for (const [what, frames] of [
      ['a message that is too long for a greeting', [Buffer.from([0, 1, 0, 0])]],
      ['bytes that are no message', [Buffer.from([0, 0, 0, 4, 1, 2, 3, 4])]],
      ['a greeting that is none', [frameOf(null)]],
      [
        'messages that are none after a greeting',
        [frameOf(greeting), frameOf({ kind: 'messages' })],
      ],
      ['what is no object after a greeting', [frameOf(greeting), frameOf(null)]],
    ] as const) {
      it(what, async () => {
        verifies('R13.remote');
        const socket = open();
        const closed = closeOf(socket);
        for (const frame of frames) {
          socket.write(frame);
          if (frames.length > 1 && frame === frames[0])
            await until(() => lanes().length === 2, 'it is let in');
        }

        await closed;

        assert.ok(isAlone());
        await works();
      });
    }

    it('a machine that speaks for the jobs of another', async () => {
      verifies('R13.remote');
      const sent = lab.jobs.send('far.place', { ms: 500 });
      const socket = open();
      socket.write(frameOf(greeting));
      await until(() => lanes().length === 2, 'it is let in');
      const done = {
        kind: 'succeeded',
        output: '{"as":"thief"}',
        degraded: false,
        trust: 'system',
      };
      socket.write(frameOf({ kind: 'messages', batch: [{ kind: 'done', ref: sent.ref, done }] }));

      assert.equal(asOf(await sent.ended), 'edge-1');
      socket.destroy();
    });
  });
});
