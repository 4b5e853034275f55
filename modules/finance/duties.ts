import { definePolicy, usualDuties } from 'tutti';

/** Who enters, approves, pays, posts and reconciles are different hands. */
export const duties = definePolicy({ name: 'finance.duties', grants: [], duties: usualDuties });
