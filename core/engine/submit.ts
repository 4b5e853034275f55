import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError, toErrorData } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { toVisibleData } from '../base/text.ts';
import { isAnswerLost, mayPass } from '../ports/db/db-error.ts';
import { settledRegistry } from '../sdk/live-registry.ts';
import type { WorkflowData } from '../sdk/node.ts';
import type { RegisteredWorkflow, Registry } from '../sdk/registry.ts';
import { checkWorkflow } from './graph/check.ts';
import { compile } from './graph/compile.ts';
import type { Fault } from './graph/fault.ts';
import type { Goal } from './run/goal.ts';
import { agentsNamedBy, type Declared, type Pinned, pinnedBy } from './run/pinned.ts';
import { goalOf } from './run/request.ts';
import type { RunRequest, Store } from './store/store.ts';
import type { Definitions } from './versions/definitions.ts';
import { checkRights, publishedRegistry } from './versions/published.ts';

/** How long a submission waits for a database that died before it said whether the run is stored. */
const knownWithinMs = 30_000;
const askAgainMs = 100;

/**
 * Checks a request and stores the run, whether an engine is up or not. It takes the version that it names, else the one in force by
 * somebody's word, else what the loaded code says. Where the database dies in the middle, it is asked again when it is back, for up to
 * 30 s: what is stored is not refused, and not stored twice.
 * @throws WORKFLOW_UNKNOWN · INPUT_INVALID · WORKFLOW_INVALID · EXPRESSION_INVALID · KEY_REUSED · DB_*
 */
export async function submitRun(
  store: Store,
  registry: Registry,
  request: RunRequest,
): Promise<{ readonly id: string; readonly isNew: boolean }> {
  const published = await registryFor(store.definitions, registry, request);
  const { registered, input } = checkRequest(published, request);
  const version = await store.publishWorkflow(request.tenantId, registered);
  const declared = pinnedBy(declaredIn(published, registry), registered.data);
  const goal = goalOf(request, registered.data.goal);
  return await createOnce(store, { ...request, input }, { version, declared, goal });
}

/**
 * Stores a run of a workflow that stands in no list, one of Tutti's own, such as one call of a tool. Whoever asks has checked its input.
 * Its goal is what its input says in words, or that of the run whose agent has handed it on.
 * @throws INPUT_INVALID · KEY_REUSED · DB_*
 */
export async function submitOwn(
  store: Store,
  registry: Registry,
  { request, workflow }: OwnRun,
): Promise<{ readonly id: string; readonly isNew: boolean }> {
  const { tenantId } = request;
  const version = await store.publishWorkflow(tenantId, workflow);
  const isLoaded = agentsNamedBy(workflow.data).every((name) => registry.agents.has(name));
  const known = isLoaded
    ? registry
    : await publishedRegistry(store.definitions, registry, { tenantId });
  const declared = pinnedBy(declaredIn(known, registry), workflow.data);
  const goal = goalOf(request, undefined);
  const own = goal && { ...goal, isInput: request.parent === undefined };
  return await createOnce(store, request, { version, declared, goal: own });
}

/** What is in force, by the policies of the code: of those in force a run keeps the versions (store.ts). */
function declaredIn({ agents }: Registry, loaded: Registry): Declared {
  return { agents, policies: settledRegistry(loaded).policies };
}

/** A run of a workflow of Tutti's own; the request names that workflow. */
export interface OwnRun {
  readonly request: RunRequest;
  readonly workflow: Pick<RegisteredWorkflow, 'module' | 'data' | 'digest'>;
}

/** The workflows that a request may run: those that count for its tenant, with the version that it names. @throws WORKFLOW_UNKNOWN */
export function registryFor(
  definitions: Definitions,
  registry: Registry,
  { tenantId, workflow: name, version }: Pick<RunRequest, 'tenantId' | 'workflow' | 'version'>,
): Promise<Registry> {
  const asked = version === undefined ? {} : { version: { name, version } };
  return publishedRegistry(definitions, registry, { tenantId, ...asked });
}

/** What a run is stored with beside its request. */
interface Stored {
  readonly version: number;
  readonly declared: Pinned;
  readonly goal: Goal | null;
}

/** The id is minted before the first try, so that every further one meets what an earlier one has stored. */
async function createOnce(
  store: Store,
  request: RunRequest,
  { version, declared, goal }: Stored,
): Promise<{ readonly id: string; readonly isNew: boolean }> {
  const id = newId();
  const deadline = performance.now() + knownWithinMs;
  let isOpen = false;
  while (true) {
    try {
      return await store.createRun(request, version, { declared, goal, id });
    } catch (error) {
      isOpen ||= isAnswerLost(error);
      if (!isOpen || !mayPass(error)) throw error;
      if (performance.now() >= deadline) throw unknownEnd(request, id, error);
      await sleep(askAgainMs);
    }
  }
}

function unknownEnd({ key }: RunRequest, id: string, cause: unknown): EngineError {
  const todo =
    key === undefined
      ? `look for run ${id} before you start it again`
      : 'send it again, key and all';
  return new EngineError(
    'DB_UNAVAILABLE',
    `The database went away and does not tell whether run ${id} is stored; when it is back, ${todo}.`,
    { cause, details: { run: id } },
  );
}

/** What is to run, with the input as its workflow takes it. @throws WORKFLOW_UNKNOWN · INPUT_INVALID · WORKFLOW_INVALID · EXPRESSION_INVALID */
export function checkRequest(
  registry: Registry,
  request: Pick<RunRequest, 'workflow' | 'input'>,
): { readonly registered: RegisteredWorkflow; readonly input: unknown } {
  const registered = registry.workflows.get(request.workflow);
  if (!registered) {
    const known = [...registry.workflows.keys()].join(', ');
    throw new EngineError(
      'WORKFLOW_UNKNOWN',
      `There is no workflow '${request.workflow}'; known are: ${known}.`,
    );
  }
  const input = registered.workflow.input.safeParse(toVisibleData(request.input ?? {}));
  if (!input.success) {
    const issue = input.error.issues[0];
    throw new EngineError(
      'INPUT_INVALID',
      `Workflow '${request.workflow}' does not take this input: ${issue?.path.join('.') || 'input'}: ${issue?.message}.`,
    );
  }
  refuseFaulty(registry, registered);
  return { registered, input: input.data };
}

// A version is checked once in a process: its data does not change, nor does what a registry has loaded.
const checked = new WeakMap<Registry, Map<string, readonly Fault[]>>();

/**
 * Refuses before anything is stored: cycles, unknown agents, expressions that do not parse, types that do not fit.
 * @throws EXPRESSION_INVALID · WORKFLOW_INVALID with every fault of the workflow in its details
 */
export function refuseFaulty(loaded: Registry, registered: RegisteredWorkflow): void {
  const registry = settledRegistry(loaded);
  const { data, digest } = registered;
  const known = checked.get(registry) ?? new Map<string, readonly Fault[]>();
  checked.set(registry, known);
  const version = digest.toString('hex');
  const faults = known.get(version) ?? faultsOf(data, registry);
  known.set(version, faults);
  const errors = faults.filter(({ severity }) => severity === 'error');
  const [first] = errors;
  if (!first) return checkRights(registry, registered);
  const more = errors.length > 1 ? ` ${errors.length - 1} more: see its details.` : '';
  const at = [data.name, first.node, first.path].filter(Boolean).join('.');
  throw new EngineError('WORKFLOW_INVALID', `Node '${at}': ${first.message}${more}`, {
    details: { faults },
  });
}

/** What does not compile has a code of its own, with every fault in its details; everything else is a fault among others. */
function faultsOf(data: WorkflowData, registry: Registry): readonly Fault[] {
  const faults = checkWorkflow(data, registry);
  if (faults.every(({ severity }) => severity !== 'error')) return faults;
  try {
    compile(data, registry.agents, registry);
  } catch (cause) {
    const { code, message } = toErrorData(cause);
    throw new EngineError(code, message, { cause, details: { faults } });
  }
  return faults;
}
