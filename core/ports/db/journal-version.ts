/**
 * The journal format that this release writes. A run remembers the one of the release that made it, an engine takes up what it can
 * read, and an older engine leaves a newer run alone. 2: conversations, waits and recovery in entries; writes named by command.
 */
export const journalVersion = 2;
