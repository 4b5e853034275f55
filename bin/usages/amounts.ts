/** How many a list shows, the newest. */
export const listed = {
  ...{ approvals: 200, audit: 50, effects: 200, entries: 50, runs: 50 },
  steps: 200,
} as const;

/** How far back a command looks unless somebody says. */
export const usualDays = 7;
export const usualHours = 24;
/** How far back is looked for what cheaper models would have done: it takes many nights. */
export const savingDays = 30;
