import { z } from 'zod';
import type { SettingStore, SettingView } from '../../../engine/recovery/setting-store.ts';
import { moduleOf } from '../../../sdk/qualified-name.ts';
import type { Reach } from '../../identity/principal.ts';
import type { CompleteParts } from '../parts.ts';
import { wholeReach, withinReach } from '../reach.ts';
import { type Call, defineRoute, ok, type Route } from '../route.ts';
import { actorShape, listOf } from '../shapes.ts';
import { purseReach } from './budgets.ts';

// A key that is left out and one that is null are the same to a value's own schema: neither is one.
const settingBody = z.strictObject({ value: z.unknown() });

const settingShape = z
  .object({
    name: z.string(),
    about: z.string(),
    scope: z.enum(['installation', 'tenant']),
    value: z.unknown().meta({ description: 'What is in force.' }),
    source: z.string().meta({ description: 'Who says so.' }),
    fault: z.string().nullable().meta({ description: 'Why what is stored is not in force.' }),
    actor: actorShape.nullable(),
    at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Setting' });

type Named = Call<{ readonly name: string }, unknown, unknown>;

/** `/v1/settings`: what can be changed while engines run; they follow within about a second. */
export function settingRoutes(
  { registry }: Pick<CompleteParts, 'registry'>,
  settings: SettingStore,
): readonly Route[] {
  const path = '/v1/settings/:name';
  const permission = 'settings:read';
  /** What a setting is about. */
  const reachOf = ({ name, scope }: SettingView): Reach => {
    const [kind, about = ''] = [name.split(':', 1)[0], name.slice(name.indexOf(':') + 1)];
    if (kind === 'budget') return purseReach(registry, about);
    if (kind === 'recovery') return { module: moduleOf(about) };
    // Whoever is bound by it may know; the others name agents, tools and companies of all modules.
    return scope === 'installation' ? {} : wholeReach;
  };
  /** What a change is of, for whoever may make it. */
  const changeable = async ({ tenantId, params, demand }: Named): Promise<SettingView> => {
    const setting = await settings.get(tenantId, params.name);
    demandChange(demand, setting, reachOf);
    return setting;
  };
  return [
    defineRoute({
      method: 'get',
      path: '/v1/settings',
      summary: 'Lists all settings, with what is in force.',
      permission,
      answers: { 200: listOf(settingShape) },
      handle: async ({ tenantId, principal }) => {
        const all = await settings.list(tenantId);
        return ok({ items: withinReach(all, { principal, permission }, reachOf), next: null });
      },
    }),
    defineRoute({
      method: 'get',
      path,
      summary: 'Shows a setting.',
      permission,
      answers: { 200: settingShape },
      errors: ['SETTING_UNKNOWN'],
      current: ({ tenantId, params }) => settings.get(tenantId, params.name),
      handle: async ({ tenantId, params, demand }) => {
        const setting = await settings.get(tenantId, params.name);
        demand(reachOf(setting));
        return ok(setting);
      },
    }),
    defineRoute({
      method: 'put',
      path,
      summary: 'Sets a value in place of the one before.',
      permission: 'settings:write',
      body: settingBody,
      answers: { 200: settingShape },
      errors: ['SETTING_UNKNOWN'],
      current: changeable,
      handle: async (call) => {
        const { tenantId, params, body, actor } = call;
        await changeable(call);
        return ok(await settings.put(tenantId, params.name, { value: body.value, actor }));
      },
    }),
    defineRoute({
      method: 'delete',
      path,
      summary: 'Takes a setting back: what holds without it holds again.',
      permission: 'settings:write',
      answers: { 200: settingShape },
      errors: ['SETTING_UNKNOWN'],
      current: changeable,
      handle: async (call) => {
        const { tenantId, params, actor } = call;
        await changeable(call);
        return ok(await settings.reset(tenantId, params.name, actor));
      },
    }),
  ];
}

/** Refuses whoever may not touch everything that a setting is about, in every company. @throws PERMISSION_DENIED */
function demandChange(
  demand: Call<never, never, never>['demand'],
  setting: SettingView,
  reachOf: (setting: SettingView) => Reach,
): void {
  if (setting.scope === 'installation') demand({}, 'tenants:write');
  // Who may use a tool is granted, whichever way it is said.
  if (setting.name === 'access') demand({}, 'tools:grant');
  demand({ ...wholeReach, ...reachOf(setting), company: null });
}
