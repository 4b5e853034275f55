/** Where tools may send requests, and how much they may take back. */
export interface HttpConfig {
  /** Host names, `api.example.com` or `*.example.com`; `*` is every public one. @default none */
  readonly hosts?: readonly string[];
  /** @default [443] */
  readonly ports?: readonly number[];
  /** Bytes of an answer, unpacked. @default 5000000 */
  readonly maxBytes?: number;
  /**
   * Headers that requests to a host get, by the names of the environment variables that hold their values, which are secrets:
   * `{ 'api.example.com': { authorization: 'EXAMPLE_TOKEN' } }`. They follow no redirect to another origin.
   */
  readonly headersFrom?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** What a `fetch` may reach. */
export interface FetchConfig extends HttpConfig {
  /**
   * Origins in the own network that the operator vouches for, `http://ledger.example:8080`: neither https nor a public address is
   * asked of them. No redirect leads there from another origin. @default none
   */
  readonly origins?: readonly string[];
  /** The part of the configuration that messages name. @default 'http' */
  readonly setting?: string;
}
