/**
 * The journal format that this release writes. A run remembers the one of the release that made it, an engine takes up what it can
 * read, and an older engine leaves a newer run alone. 2: conversations, waits and recovery in entries; writes named by command.
 * 3: an output that the model said to the letter is stored with its turn, and the step's end refers to it. 4: a run that retries another
 * one begins with what that one has brought, and names its writes as that one did. 5: a turn may be answered in part while other agents work
 * on the rest. 6: a condition that is neither true nor false fails its node instead of not holding.
 */
export const journalVersion = 6;
