import type { CompleteParts } from './parts.ts';
import type { Route } from './route.ts';
import { settingRoutes } from './routes/settings.ts';

/** Every route of the API that its parts allow: what is served, documented and tested is this list. */
export function routesOf(parts: CompleteParts): readonly Route[] {
  return [...(parts.settings ? settingRoutes(parts.settings) : [])];
}
