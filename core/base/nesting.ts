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

/** The same of JSON, or of what only begins like it: it is not read for that. `most`: levels that it may have. */
export function isDeeperJson(json: string, most = mostLevels): boolean {
  // Each level opens once: most texts have too few brackets to be nested so deep, and are not read letter by letter.
  if (!hasMoreThan(most, json, '{', '[')) return false;
  let levels = 0;
  return someOutsideTexts(json, (letter) => {
    if (letter === '{' || letter === '[') levels += 1;
    else if (letter === '}' || letter === ']') levels -= 1;
    return levels > most;
  });
}

/** Whether a text has more of these letters together than `most`. */
function hasMoreThan(most: number, text: string, ...letters: readonly string[]): boolean {
  let count = 0;
  for (const letter of letters)
    for (let at = text.indexOf(letter); at >= 0; at = text.indexOf(letter, at + 1)) {
      count += 1;
      if (count > most) return true;
    }
  return false;
}

function isNested(value: unknown): value is object {
  return value !== null && typeof value === 'object';
}

/** How many values there are in JSON without spaces: itself, and whatever stands in its lists and objects. */
export function valuesIn(json: string): number {
  let values = 1;
  someOutsideTexts(json, (letter, at) => {
    if (letter === ',') values += 1;
    else if (letter === '[' && json[at + 1] !== ']') values += 1;
    else if (letter === '{' && json[at + 1] !== '}') values += 1;
    return false;
  });
  return values;
}

/** Whether a letter of JSON that stands in no text is what is looked for. Whatever begins a text is one of them. */
export function someOutsideTexts(
  json: string,
  isIt: (letter: string | undefined, at: number) => boolean,
): boolean {
  let isText = false;
  for (let at = 0; at < json.length; at += 1) {
    const letter = json[at];
    if (isText && letter === '\\') at += 1;
    else if (letter === '"') isText = !isText;
    else if (!isText && isIt(letter, at)) return true;
  }
  return false;
}
