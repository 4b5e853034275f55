/** Something in a line of code that is nearly always wrong. */
interface Rule {
  readonly pattern: RegExp;
  readonly severity: 'low' | 'medium' | 'high' | 'critical';
  readonly category: 'correctness' | 'security' | 'readability';
  readonly comment: string;
  readonly suggestion: string | null;
  /** What a security rule is about, by its number and name of https://cwe.mitre.org */
  readonly weakness?: string;
}

const rules: readonly Rule[] = [
  {
    pattern: /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bsk-[A-Za-z0-9_-]{20,}/,
    ...{ severity: 'critical', category: 'security' },
    comment: 'A secret stands in the code; whoever can read it can use it.',
    suggestion: 'Revoke it, and read it from the environment or a store.',
    weakness: 'CWE-798: use of hard-coded credentials',
  },
  {
    pattern: /\b(?:password|passwd|secret|api_?key|token)\b['"]?\s*[:=]\s*['"][^'"\s]{8,}['"]/i,
    ...{ severity: 'high', category: 'security' },
    comment: 'A password, key or token seems to be written down here.',
    suggestion: 'Read it from the environment or a store.',
    weakness: 'CWE-798: use of hard-coded credentials',
  },
  {
    pattern: /\beval\s*\(|\bnew Function\s*\(/,
    ...{ severity: 'high', category: 'security' },
    comment: 'Text is run as code; whoever controls the text controls the process.',
    suggestion: 'Parse what is expected, and refuse the rest.',
    weakness: 'CWE-95: eval injection',
  },
  {
    pattern: /\b(?:execSync|exec|system|popen)\s*\(\s*(?:`[^`]*\$\{|['"][^'"]*['"]\s*\+|f['"])/,
    ...{ severity: 'high', category: 'security' },
    comment:
      'A command line is put together from values; one with a quote or a semicolon runs another command.',
    suggestion: 'Start the program with a list of arguments and no shell.',
    weakness: 'CWE-78: OS command injection',
  },
  {
    pattern:
      /\b(?:select|insert|update|delete)\b[^'"`]*\b(?:from|into|set|where)\b[^'"`]*(?:\$\{|['"]\s*\+)/i,
    ...{ severity: 'high', category: 'security' },
    comment: 'A statement of a database is put together from values.',
    suggestion: 'Pass values as parameters.',
    weakness: 'CWE-89: SQL injection',
  },
  {
    pattern:
      /\brejectUnauthorized['"]?\s*[:=]\s*false\b|\bInsecureSkipVerify\s*[:=]\s*true\b|\bverify\s*=\s*False\b|\bNODE_TLS_REJECT_UNAUTHORIZED['"]?\s*[\]:=]+\s*['"]?0/,
    ...{ severity: 'high', category: 'security' },
    comment: 'Certificates are not checked; whoever stands in between can read and change it all.',
    suggestion: 'Leave the check on, and add the authority whose certificates are missing.',
    weakness: 'CWE-295: improper certificate validation',
  },
  {
    pattern: /\bcatch\s*(?:\([^)]*\))?\s*\{\s*\}|\bexcept\s*:\s*pass\b/,
    ...{ severity: 'medium', category: 'correctness' },
    comment: 'A failure is swallowed; nobody will know that it happened.',
    suggestion: 'Handle the failures that are expected, and let the others pass.',
  },
  {
    pattern: /\b(?:TO-?DO|FIX-?ME)\b/,
    ...{ severity: 'low', category: 'readability' },
    comment: 'Something is left to do here.',
    suggestion: null,
  },
];

// A line longer than this is generated or packed; regular expressions over it cost time and tell nothing.
const longestLine = 2_000;

/** What the rules say about a text, by line from 1. */
export function rulesOn(
  content: string,
): readonly (Omit<Rule, 'pattern'> & { readonly line: number })[] {
  return content.split('\n').flatMap((text, index) => {
    if (text.length > longestLine) return [];
    const broken = rules.filter(({ pattern }) => pattern.test(text));
    return broken.map(({ pattern: _, ...rule }) => ({ ...rule, line: index + 1 }));
  });
}

const languages = {
  json: 'json',
  yaml: 'yaml',
  yml: 'yaml',
  js: 'javascript',
  mjs: 'javascript',
  cjs: 'javascript',
  ts: 'typescript',
  mts: 'typescript',
  cts: 'typescript',
} as const;

/** The language of a file whose syntax can be checked, by its ending; null for others. */
export function languageOf(path: string): 'json' | 'yaml' | 'javascript' | 'typescript' | null {
  const ending = path.slice(path.lastIndexOf('.') + 1).toLowerCase();
  return Object.hasOwn(languages, ending) ? languages[ending as keyof typeof languages] : null;
}
