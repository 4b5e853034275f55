import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configVariables } from '../core/ports/config-environment.ts';
import { configMemberNotes } from '../core/ports/config-notes.ts';

/** The page about the configuration. */
export const configReferencePath = fileURLToPath(
  new URL('../docs/configuration.md', import.meta.url),
);

const cell = (value: unknown): string => {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return (text ?? '').replaceAll('|', '\\|');
};

/** The page, as it is to be. */
export function configReference(): string {
  const members = configMemberNotes().map(({ path, description, usual }) => {
    const variable = configVariables.find((each) => each.path === path);
    const name = variable ? `\`${variable.name}\`` : '';
    return `| \`${path}\` | ${cell(description)} | ${cell(usual)} | ${name} |`;
  });
  const variables = configVariables.map(({ name, about, path, usual, isSecret }) => {
    const means = path === null ? cell(usual) : `overrides \`${path}\``;
    return `| \`${name}\` | ${cell(about)} | ${means} | ${isSecret ? `yes, or \`${name}_FILE\`` : ''} |`;
  });
  return `# Configuration

An installation is told what to do by a file, \`tutti.config.ts\` (\`--config PATH\` names another), and by its environment. Both are checked
as a whole when a process loads them: a name that is not known, a value of the wrong kind or out of range stops the process with
\`CONFIG_INVALID\`. A file \`.env\` in the working folder adds variables that are not set.

\`\`\`sh
tutti config check                        # everything that is wrong, at once; exit code 2
tutti config show                         # every value, and who says so
tutti config show --profile production --json
\`\`\`

## Who goes first

1. a **flag** of the command: \`--port\`, \`--host\`, \`--profile\`
2. the **environment**: the variables below
3. a **setting** that was put by API or \`tutti settings\`: \`breaker\`, budgets, recovery and authority of agents; engines follow within
   a second
4. the **profile** in the file
5. the **file**
6. the **default**

## Profiles

\`development\` (default), \`staging\` or \`production\`, chosen by \`--profile\` or \`TUTTI_PROFILE\`. \`profiles\` says what is different in one:

\`\`\`ts
export default defineConfig({
  modules,
  limits: { threads: 2 },
  profiles: { production: { limits: { threads: 4, running: 512 }, api: { host: '0.0.0.0' } } },
});
\`\`\`

A member that is an object is merged with that of the file by its members, whose values are replaced whole; every other member is
replaced. In \`production\` the defaults of \`api.keysOnly\` and \`log.form\` are \`true\` and \`json\`.

## Secrets

Secrets never stand in the file. Where it needs one it names an environment variable: \`apiKeyEnv\` of models, \`urlFrom\` of mail and
databases, \`secretEnv\` of hooks, \`headersFrom\`, \`envFrom\` and \`clientSecretFrom\` of MCP servers, \`slack\`. For each of them, and for those
marked below, **\`NAME_FILE\` may name a file** that holds the secret, as Docker and Kubernetes hand secrets over; \`NAME\` itself goes
first. What was read is taken out of logs, traces, problems and journal.

## Environment

| Variable | What | Without it | Secret |
|---|---|---|---|
${variables.join('\n')}

Beside them: \`OPENAI_API_KEY\` and \`ANTHROPIC_API_KEY\` (secrets) with \`OPENAI_BASE_URL\` and \`ANTHROPIC_BASE_URL\`, those of OpenTelemetry
([telemetry.md](telemetry.md)), and \`TUTTI_DEBUG=1\`, which shows where an error came from. A variable that is blank is not set.

## Members

\`features\` switch a part of the service off whole, with its routes; what is stored stays.

| Member | What | Default | Overridden by |
|---|---|---|---|
${members.join('\n')}

This page is written from \`core/ports/config-schema.ts\` and \`core/ports/config-environment.ts\` by \`node scripts/config-reference.ts\`.
Tests: \`tests/house/config-reference.test.ts\`, \`tests/ports/config.test.ts\`, \`tests/bin/config.test.ts\`.
`;
}

if (import.meta.main) writeFileSync(configReferencePath, configReference());
