import { createContext, useContext } from 'react';
import type { Client } from '../api/client.ts';
import type { Me } from '../api/shapes.ts';

/** What every page has. */
export interface Session {
  readonly client: Client;
  readonly me: Me;
  /** Tells readers who do not see it what has happened. */
  announce(text: string): void;
}

/** Where pages find it. */
export const SessionContext = createContext<Session | null>(null);

/** What every page has, for a page or a part of one. */
export function useSession(): Session {
  return useContext(SessionContext) as Session;
}

/** Whether whoever is signed in may do something. The API decides anew each time; this only spares people buttons that are not for them. */
export function useMay(permission: string): boolean {
  return useSession().me.permissions.includes(permission);
}
