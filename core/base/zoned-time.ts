const formatters = new Map<string, Intl.DateTimeFormat>();
const dayMs = 86_400_000;

/**
 * The instant at which clocks of a time zone show `time` (`HH:MM`) on a day, ms since 1970. A time that the clocks skip is the
 * first moment after the gap; one that they show twice is the first of both.
 */
export function instantOf(day: string, time: string, timeZone: string): number {
  const wallMs = Date.parse(`${day}T${time}:00Z`);
  // No zone is a day away from UTC, so these are what clocks went by before and after any change near that time.
  const before = offsetMs(wallMs - dayMs, timeZone);
  const after = offsetMs(wallMs + dayMs, timeZone);
  const isShown = (ms: number): boolean => ms + offsetMs(ms, timeZone) === wallMs;
  const shown = [...new Set([before, after])].map((offset) => wallMs - offset).filter(isShown);
  if (shown.length > 0) return Math.min(...shown);
  return changeWithin(wallMs - after, wallMs - before, timeZone);
}

/** The day that a calendar on the wall of a time zone shows at an instant. */
export function localDay(ms: number, timeZone: string): string {
  return new Date(ms + offsetMs(ms, timeZone)).toISOString().slice(0, 10);
}

/** What clocks of a time zone show at an instant, with their offset from UTC: `2026-10-25T02:30:00+02:00`. */
export function localMoment(ms: number, timeZone: string): string {
  const offset = offsetMs(ms, timeZone);
  const sign = offset < 0 ? '-' : '+';
  const ahead = new Date(Math.abs(offset)).toISOString().slice(11, 16);
  return `${new Date(ms + offset).toISOString().slice(0, 19)}${sign}${ahead}`;
}

/** Whether the runtime knows a time zone by this name. */
export function isTimeZone(name: string): boolean {
  try {
    formatterOf(name);
    return true;
  } catch {
    return false;
  }
}

/** The first millisecond, after `from` and at most `to`, that goes by another offset than `from` does. */
function changeWithin(from: number, to: number, timeZone: string): number {
  const before = offsetMs(from, timeZone);
  let [low, high] = [from, to];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetMs(middle, timeZone) === before) low = middle;
    else high = middle;
  }
  return high;
}

/** What clocks of a zone are ahead of UTC at an instant, milliseconds. */
function offsetMs(ms: number, timeZone: string): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of formatterOf(timeZone).formatToParts(ms)) {
    parts[type] = Number(value);
  }
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  const wallMs = Date.UTC(year, month - 1, day, hour, minute, second);
  return wallMs - Math.floor(ms / 1_000) * 1_000;
}

// A formatter takes some 50 µs to make and some 3 µs to ask.
function formatterOf(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23' },
    ...{ year: 'numeric', month: 'numeric', day: 'numeric' },
    ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
  });
  formatters.set(timeZone, made);
  return made;
}
