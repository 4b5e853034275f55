// @ts-check
import { stripTypeScriptTypes } from 'node:module';
import { Script, SourceTextModule } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import { LineCounter, parseAllDocuments } from 'yaml';

/*
 * Reads one piece of code in a thread of its own, and runs nothing of it: Node's parser for types can be broken for the whole
 * thread by code that is nested deeply, the one for YAML takes minutes for many names, and none can be interrupted from within.
 */

/** @typedef {{ line: number | null, column: number | null, message: string }} Problem */

const identifier = 'code';
const moduleOnly =
  /^(Cannot use import statement outside a module|Unexpected token 'export'|await is only valid|Cannot use 'import\.meta')/;

/** @type {{ code: string, language: 'javascript' | 'typescript' | 'yaml' }} */
const { code, language } = workerData;
parentPort?.postMessage(language === 'yaml' ? readYaml() : [readScript()].filter(Boolean));

/**
 * Every mistake of the documents of a YAML 1.2 text, up to what anybody reads. Aliases are not followed.
 * @returns {Problem[]}
 */
function readYaml() {
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(code, { lineCounter, prettyErrors: false });
  const errors = 'empty' in documents ? documents.errors : documents.flatMap((each) => each.errors);
  return errors.slice(0, 50).map(({ pos: [offset], message }) => {
    const { line, col } = lineCounter.linePos(offset);
    return { line, column: col, message };
  });
}

function readScript() {
  return language === 'typescript' ? readTypeScript() : readJavaScript(code);
}

/** @returns {Problem | null} */
function readTypeScript() {
  try {
    // Types become blanks: what is left stands where it stood.
    return readJavaScript(stripTypeScriptTypes(code));
  } catch (error) {
    // Written well, and needs more than taking types away: an enum, a namespace.
    if (codeOf(error) === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') return null;
    return problemOf(error);
  }
}

/**
 * As a module, else as a script.
 * @param {string} source
 * @returns {Problem | null}
 */
function readJavaScript(source) {
  const asModule = failure(() => new SourceTextModule(source, { identifier }));
  if (asModule === null) return null;
  const asScript = failure(() => new Script(source, { filename: identifier }));
  // Decorators are TypeScript's, and no engine reads them yet.
  if (asScript === null || (language === 'typescript' && /@\w/.test(source))) return null;
  if (!moduleOnly.test(messageOf(asScript))) return problemOf(asScript);
  // V8 names no place in a module; the other parser does, for most mistakes.
  const found = language === 'javascript' ? failure(() => stripTypeScriptTypes(source)) : null;
  return codeOf(found) === 'ERR_INVALID_TYPESCRIPT_SYNTAX' ? problemOf(found) : problemOf(asModule);
}

/**
 * @param {() => unknown} work
 * @returns {unknown} null when it ends well
 */
function failure(work) {
  try {
    work();
    return null;
  } catch (error) {
    return error;
  }
}

/**
 * Line and column stand in the first lines of the stack: `code:3`, the line or lines, and a sign below the place.
 * @param {unknown} error
 * @returns {Problem}
 */
function problemOf(error) {
  if (!(error instanceof SyntaxError)) throw error;
  const [head = '', ...lines] = (error.stack ?? '').split('\n');
  const line = /^(?:code)?:(\d+)$/.exec(head)?.[1];
  const shown = lines.slice(
    0,
    lines.findLastIndex((text) => text.startsWith('SyntaxError')),
  );
  const sign = shown.findLast((text) => /^\s*\^+\s*$/.test(text));
  return {
    line: line === undefined ? null : Number(line),
    column: line === undefined || sign === undefined ? null : sign.indexOf('^') + 1,
    message: error.message,
  };
}

/** @param {unknown} error */
function codeOf(error) {
  return error instanceof Error && 'code' in error ? error.code : null;
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
