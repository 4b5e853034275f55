/**
 * How deep data from outside, or from anybody's code, may be nested. JSON of 1 MB can be nested half a million deep, and whatever walks it
 * afterwards (schemas, digests, messages between threads, PostgreSQL) does so by recursion and would run out of stack.
 */
export const mostLevels = 100;

/** Whether data is nested deeper than that. Goes level by level: it needs no stack. */
export function isDeeper(value: unknown): boolean {
  let level = [value].filter(isNested);
  for (let left = mostLevels; level.length > 0; left -= 1) {
    if (left === 0) return true;
    level = level.flatMap((each) => Object.values(each).filter(isNested));
  }
  return false;
}

/** The same of JSON, which is not read for it: every output passes here, and few are as long as to be nested so deep. */
export function isDeeperJson(json: string): boolean {
  let levels = 0;
  for (let at = json.length > 2 * mostLevels ? 0 : json.length; at < json.length; at += 1) {
    const letter = json[at];
    if (letter === '"') at = endOfText(json, at);
    else if (letter === '[' || letter === '{') levels += 1;
    else if (letter === ']' || letter === '}') levels -= 1;
    if (levels > mostLevels) return true;
  }
  return false;
}

/** Where a text of JSON ends that begins at a place: at the first quote that an even number of backslashes stands before. */
function endOfText(json: string, begin: number): number {
  for (let end = json.indexOf('"', begin + 1); ; end = json.indexOf('"', end + 1)) {
    let before = end - 1;
    while (json[before] === '\\') before -= 1;
    if ((end - before) % 2 === 1) return end;
  }
}

function isNested(value: unknown): value is object {
  return value !== null && typeof value === 'object';
}
