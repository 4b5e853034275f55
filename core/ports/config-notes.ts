import { z } from 'zod';
import { configMembers, type MemberNote } from './config-schema.ts';

/** A member of the configuration, as it is documented and shown. */
export interface ConfigMemberNote extends MemberNote {
  /** `limits.threads`, or `modules` for a member that is shown whole. */
  readonly path: string;
}

/** Every member of the configuration, those of objects one by one. */
export function configMemberNotes(): readonly ConfigMemberNote[] {
  return Object.entries(configMembers)
    .filter(([name]) => name !== 'profiles')
    .flatMap(([name, schema]): readonly ConfigMemberNote[] => {
      const inner: unknown = schema instanceof z.ZodOptional ? schema.unwrap() : schema;
      const isLimit = name === 'tenantLimit' || name === 'erpLimit';
      if (!(inner instanceof z.ZodObject) || isLimit || name === 'models')
        return [{ path: name, ...schema.meta() }];
      const members = Object.entries(inner.shape as Readonly<Record<string, z.ZodType>>);
      return members.map(([own, each]) => ({ path: `${name}.${own}`, ...each.meta() }));
    });
}
