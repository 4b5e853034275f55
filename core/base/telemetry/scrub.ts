/** What stands where a secret was. */
const redacted = '[redacted]';

// Names of variables that hold secrets, and those that only sound so.
const secretName =
  /(^|_)(API_?KEY|KEYS?|TOKENS?|SECRETS?|PASSWORD|PASSWD|PASS|PASSPHRASE|CREDENTIALS?|AUTH|DSN|COOKIE|WEBHOOKS?|SIGNING)(_|$)/i;
const plainName = /(_FILE|_PATH|_SOCK|_DIR|_ENV|_TTL|_URL_BASE)$/i;

/** Shorter values are words of every day: taking them out of every line would hide more than it protects. */
const shortestSecret = 8;
const everyday: ReadonlySet<string> = new Set(['postgres', 'password', 'localhost', 'disabled']);

// Secrets that are known by how they look: https://platform.openai.com · https://docs.anthropic.com · https://api.slack.com/authentication/token-types
// · https://www.standardwebhooks.com · RFC 7468 · RFC 7519 · RFC 6750 · RFC 7617 · RFC 3986 section 3.2.1 (2026-11)
const looks: readonly (readonly [RegExp, string])[] = [
  [/\bsk-[\w-]{16,}/g, redacted],
  [/\btutti_[A-Za-z0-9]+_?[A-Za-z0-9_-]{20,}/g, redacted],
  [/\bwhs(?:ec|k)_[A-Za-z0-9+/=]{16,}/g, redacted],
  [/\bxox[abeprs]-[\w-]{10,}/g, redacted],
  [/\bgh[oprsu]_[A-Za-z0-9]{20,}/g, redacted],
  [/\bAKIA[0-9A-Z]{16}\b/g, redacted],
  [/\bAIza[\w-]{30,}/g, redacted],
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, redacted],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]{12,}/gi, `$1 ${redacted}`],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, redacted],
  [/(hooks\.slack\.com\/services\/)[\w/]+/g, `$1${redacted}`],
  [/(:\/\/[^\s:/@"]*:)[^\s/"]+@/g, `$1${redacted}@`],
  [
    /([?&](?:(?:api|access|client)?[-_]?(?:key|token|secret)|password|sig|signature)=)[^\s&"'#<>]{6,}/gi,
    `$1${redacted}`,
  ],
];
const anyLook =
  /sk-|tutti_|whs|xox|gh[oprsu]_|AKIA|eyJ|bearer|basic|PRIVATE KEY|hooks\.slack|AIza|:\/\/|[?&][\w-]{3,14}=/i;

/**
 * Takes secrets out of what leaves the process or is stored: by value, as the environment holds them, and by look. One for logs, spans,
 * problem details, errors, and what models and tools say.
 */
export class Scrubber {
  readonly #values = new Set<string>();
  #known: RegExp | null = null;

  /** Knows the secrets of an environment: values of variables that are named like secrets, and passwords in URLs. */
  constructor(env: Readonly<Record<string, string | undefined>> = {}) {
    for (const [name, value = ''] of Object.entries(env)) {
      if (secretName.test(name) && !plainName.test(name) && !value.startsWith('/'))
        this.learn(value);
      else this.#learnPassword(value);
    }
  }

  /** Knows one secret more, such as one that a file or the database holds; of an address its password, too. */
  learn(value: string): void {
    const secret = value.trim();
    this.#learnPassword(secret);
    if (secret.length < shortestSecret || everyday.has(secret) || this.#values.has(secret)) return;
    this.#values.add(secret);
    const forms = [...this.#values].flatMap((each) => [
      each,
      JSON.stringify(each).slice(1, -1),
      encodeURIComponent(each),
    ]);
    // The longest first: one may be the beginning of another.
    const words = [...new Set(forms)].sort((a, b) => b.length - a.length);
    this.#known = new RegExp(words.map(literally).join('|'), 'g');
  }

  #learnPassword(address: string): void {
    const password = /^[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:([^\s/]+)@/i.exec(address)?.[1];
    if (password !== undefined) this.learn(safeDecode(password));
  }

  /** A text without secrets that are known by value: for data, where nothing may be taken out by its look alone. */
  known(text: string): string {
    return this.#known ? text.replace(this.#known, redacted) : text;
  }

  /** JSON without secrets that are known by value, and JSON still: a number or a sequence that only reads like one stays. */
  json(json: string): string {
    return this.known(json) === json ? json : JSON.stringify(this.data(JSON.parse(json)));
  }

  /** A text without secrets that are known by value or by look. */
  text(text: string): string {
    let clean = this.known(text);
    if (!anyLook.test(clean)) return clean;
    for (const [look, instead] of looks) clean = clean.replace(look, instead);
    return clean;
  }

  /** JSON data, every string and every name of it by `known`, or by `text`. The same object where nothing was to be taken out. */
  data<T>(data: T, how: 'known' | 'text' = 'known'): T {
    if (how === 'known' && !this.#known) return data;
    return this.#clean(data, (text) => this[how](text)) as T;
  }

  #clean(value: unknown, clean: (text: string) => string): unknown {
    if (typeof value === 'string') return clean(value);
    if (Array.isArray(value)) {
      const items = value.map((item) => this.#clean(item, clean));
      return items.some((item, index) => item !== value[index]) ? items : value;
    }
    if (value === null || typeof value !== 'object' || !isPlain(value)) return value;
    let isSame = true;
    const members = Object.entries(value).map(([name, member]) => {
      const cleaned = [clean(name), this.#clean(member, clean)] as const;
      isSame &&= cleaned[0] === name && cleaned[1] === member;
      return cleaned;
    });
    return isSame ? value : Object.fromEntries(members);
  }
}

/** A pattern for exactly this text. */
function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
