import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { drainMsOf } from '../../bin/command.ts';
import { oldestMajor } from '../../bin/node24.mjs';
import { defaultPort } from '../../bin/usages/flags.ts';
import { version } from '../../bin/version.ts';
import { configVariables } from '../../core/ports/config-environment.ts';
import { healthRoutes } from '../../core/service/api/routes/health.ts';
import { root } from '../../scripts/checks.ts';
import { verifies } from '../support/verifies.ts';

// biome-ignore lint/suspicious/noExplicitAny: what is asked of these files is their content; every wrong path fails the test that takes it
type Document = any;

const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const folder = 'deploy/kubernetes';
const files = readdirSync(join(root, folder));
const manifests: readonly Document[] = files.flatMap((file) =>
  parseAllDocuments(read(`${folder}/${file}`)).map((document) => {
    assert.deepEqual(document.errors, [], file);
    return document.toJS() as Document;
  }),
);
const ofKind = (kind: string): Document => manifests.find((each) => each.kind === kind);
const pod = ofKind('Deployment').spec.template.spec;
const [container] = pod.containers;
const compose: Document = parse(read('compose.yaml'));
const dockerfile = read('Dockerfile');
const drainMs = drainMsOf({});

/** Of every place that names one. */
const images = [
  ...[...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image = '']) => image),
  ...Object.values<Document>(compose.services).map(({ image }) => image as string),
  container.image as string,
];

describe('the files of a deployment', () => {
  it('name images by version', () => {
    verifies('R13.docker', 'R13.kubernetes');

    assert.equal(images.length, 6);
    for (const image of images) assert.match(image, /^[a-z]+:\d+\.\d+(\.\d+)?(-[a-z-]+)?$/);
    for (const image of images.filter((each) => each.startsWith('node:')))
      assert.equal(Number(/:(\d+)/.exec(image)?.[1]), oldestMajor);
    for (const image of images.filter((each) => each.startsWith('tutti:')))
      assert.equal(image, `tutti:${version}`);
  });

  it('ask the port and the paths that are served', () => {
    verifies('R13.kubernetes');
    const paths = healthRoutes({} as never).map(({ path }) => path);
    const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe];
    const [port] = container.ports;

    assert.deepEqual(
      probes.map(({ httpGet }) => httpGet.path),
      ['/livez', '/livez', '/readyz'],
    );
    for (const { httpGet } of probes) {
      assert.ok(paths.includes(httpGet.path));
      assert.equal(httpGet.port, port.name);
    }
    assert.equal(port.containerPort, defaultPort);
    assert.equal(ofKind('Service').spec.ports[0].targetPort, port.name);
    assert.match(dockerfile, new RegExp(`TUTTI_PORT=${defaultPort} `));
    assert.match(dockerfile, new RegExp(`^EXPOSE ${defaultPort}$`, 'm'));
    assert.match(dockerfile, /^ {2}CMD .*\/livez/m);
    assert.deepEqual(compose.services.tutti.ports, [`127.0.0.1:${defaultPort}:${defaultPort}`]);
  });

  it('leave time to drain', () => {
    assert.ok(drainMs > 0);
    assert.ok(pod.terminationGracePeriodSeconds * 1_000 >= 2 * drainMs);
    assert.ok(Number.parseInt(compose.services.tutti.stop_grace_period, 10) * 1_000 >= 2 * drainMs);
  });

  it('run as nobody special, on a root that cannot be written', () => {
    verifies('R13.kubernetes');
    const { securityContext: own } = container;
    const [user] = /\d+/.exec(/^USER (.+)$/m.exec(dockerfile)?.[1] ?? '') ?? [];

    assert.equal(pod.securityContext.runAsNonRoot, true);
    assert.equal(String(pod.securityContext.runAsUser), user);
    assert.notEqual(Number(user), 0);
    assert.deepEqual(own, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    const mounts = container.volumeMounts.map(({ mountPath }: Document) => mountPath as string);
    assert.deepEqual(mounts, ['/tmp', '/data', '/run/secrets/tutti']);
    const volumes = pod.volumes.map(({ name }: Document) => name as string);
    assert.deepEqual(
      volumes,
      container.volumeMounts.map(({ name }: Document) => name as string),
    );
    assert.match(dockerfile, / TUTTI_DATA=\/data /);
    assert.equal(compose.services.tutti.read_only, true);
  });

  it('say only what Tutti reads, take secrets from files, and keep what a service would set out', () => {
    verifies('R12.secrets');
    const known = new Set(
      configVariables.flatMap(({ name, isSecret }) => (isSecret ? [name, `${name}_FILE`] : [name])),
    );
    const image = [...dockerfile.matchAll(/\b((?:TUTTI|DATABASE)_[A-Z_]+)=/g)].map(
      ([, name]) => name,
    );
    const named = [
      ...image,
      ...Object.keys(compose.services.tutti.environment),
      ...container.env.map(({ name }: Document) => name as string),
    ];
    const secret: Document = ofKind('Secret');

    assert.ok(named.length >= 8);
    assert.deepEqual(
      named.filter((name) => !known.has(name)),
      [],
    );
    assert.deepEqual(
      container.env
        .filter(({ name }: Document) => name.endsWith('_FILE'))
        .map(({ value }: Document) => value.split('/').at(-1)),
      Object.keys(secret.stringData),
    );
    assert.equal(pod.enableServiceLinks, false);
    assert.doesNotMatch(dockerfile, /^(ENV|ARG).*(KEY|PASSWORD|DATABASE_URL)=/m);
  });

  it('belong together', () => {
    const labels = { 'app.kubernetes.io/name': 'tutti' };

    assert.deepEqual(ofKind('Deployment').spec.selector.matchLabels, labels);
    assert.deepEqual(ofKind('Deployment').spec.template.metadata.labels, labels);
    assert.deepEqual(ofKind('Service').spec.selector, labels);
    assert.deepEqual(ofKind('PodDisruptionBudget').spec.selector.matchLabels, labels);
    assert.deepEqual(ofKind('NetworkPolicy').spec.podSelector.matchLabels, labels);
    assert.deepEqual(Object.keys(compose.secrets), ['postgres_password', 'database_url']);
    assert.equal(manifests.length, files.length);
  });

  it('let nothing into the image that is not named', () => {
    const lines = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));

    assert.equal(lines[0], '*');
    assert.ok(lines.slice(1).every((line) => line.startsWith('!')));
    assert.ok(!lines.some((line) => /\.env|\.tutti|secrets|tests/.test(line)));
  });
});
