/** Addresses that lead inside, in every form that a reader of URLs may take for something else. */

/** One that must be refused. */
export interface Attack {
  readonly url: string;
  /** What its name leads to. @default it is no name, or the system's resolver says */
  readonly leadsTo?: readonly string[];
}

const insideV4 = [
  '127.0.0.1',
  '127.1.2.3',
  '0.0.0.0',
  '10.0.0.1',
  '172.16.5.4',
  '172.31.255.254',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '100.100.100.200',
  '192.0.0.192',
  '198.18.0.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '168.63.129.16',
];

const insideV6 = [
  '::',
  '::1',
  '0:0:0:0:0:0:0:1',
  'fe80::1',
  'fec0::1',
  'fc00::1',
  'fd00:ec2::254',
  'fd20:ce::254',
  'ff02::1',
  '100::1',
  '2001:db8::1',
  '2001:10::1',
  '3fff::1',
  '5f00::1',
  '4000::1',
];

/** All of them, each once. `port`: where something listens on loopback. */
export function ssrfCorpus(port: number): readonly Attack[] {
  const urls = [
    ...insideV4.flatMap((address) => [...spellings(address), ...carriers(address)]),
    ...insideV6.map((address) => `[${address}]`),
  ].flatMap((host) => [`https://${host}:${port}/`, `https://${host}/latest/meta-data/`]);
  const attacks = [...urls, ...tricks(port)].map((url) => ({ url }));
  const named = [...insideV4, ...insideV6].flatMap((address, index) => [
    { url: `https://n${index}.attacker.example:${port}/`, leadsTo: [address] },
    { url: `https://m${index}.attacker.example/`, leadsTo: ['93.184.216.34', address] },
  ]);
  return [...new Map([...attacks, ...named].map((attack) => [attack.url, attack])).values()];
}

/** An IPv4 address as URL parsers read it: https://url.spec.whatwg.org/#concept-ipv4-parser */
function spellings(address: string): string[] {
  const parts = address.split('.').map(Number);
  const whole = parts.reduce((sum, part) => sum * 256 + part, 0);
  const hex = whole.toString(16);
  const [a = 0, b = 0, c = 0, d = 0] = parts;
  return [
    address,
    `${address}.`,
    String(whole),
    `0x${hex}`,
    `0${whole.toString(8)}`,
    parts.map((part) => `0x${part.toString(16)}`).join('.'),
    parts.map((part) => `0${part.toString(8)}`).join('.'),
    `${a}.${(b * 256 + c) * 256 + d}`,
    `${a}.${b}.${c * 256 + d}`,
    [...address].map((each) => (each === '.' ? '。' : toFullWidth(each))).join(''),
    [...address].map((each) => `%${each.charCodeAt(0).toString(16)}`).join(''),
  ];
}

function toFullWidth(digit: string): string {
  return String.fromCodePoint(0xff10 + Number(digit));
}

/** IPv6 addresses that carry an IPv4 address: mapped, compatible, translated, NAT64, 6to4, Teredo. */
function carriers(address: string): string[] {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
  const pair = (high: number, low: number) => (high * 256 + low).toString(16);
  const tail = `${pair(a, b)}:${pair(c, d)}`;
  const inverted = `${pair(255 - a, 255 - b)}:${pair(255 - c, 255 - d)}`;
  return [
    `::ffff:${address}`,
    `::ffff:${tail}`,
    `::${tail}`,
    `::ffff:0:${tail}`,
    `64:ff9b::${tail}`,
    `64:ff9b:1::${tail}`,
    `2002:${tail}::1`,
    `2001:0:4136:e378:8000:63bf:${inverted}`,
  ].map((form) => `[${form}]`);
}

function tricks(port: number): string[] {
  const inside = `127.0.0.1:${port}`;
  return [
    'localhost',
    'LOCALHOST',
    'localhost.',
    'localhost..',
    'ⓛⓞⓒⓐⓛⓗⓞⓢⓣ',
    'loc%61lhost',
    'lo\u00adcalhost',
    'a.localhost',
    'localhost.localdomain.localhost',
    'intranet',
    'printer.local',
    'metadata.google.internal',
    'metadata.google.internal.',
    'router.home.arpa',
    'hidden.onion',
    'example..com',
  ]
    .flatMap((host) => [`https://${host}:${port}/`, `https://${host}/`])
    .concat([
      `https://example.com@${inside}/`,
      `https://user:password@${inside}/`,
      `https://user@api.example.com/`,
      `https://${inside}#@example.com/`,
      `https://${inside}?@example.com/`,
      `https://${inside}\\@example.com/`,
      `https:\\\\${inside}/`,
      `https:${inside}/`,
      `https:/${inside}/`,
      `https:///${inside}/`,
      ` https://${inside}/`,
      `https://127.0.0\t.1:${port}/`,
      `ht\ntps://${inside}/`,
      `http://${inside}/`,
      'http://api.example.com/',
      'https://api.example.com:22/',
      'https://api.example.com:25/',
      'https://api.example.com:5432/',
      'https://api.example.com:6379/',
      `ws://${inside}/`,
      `wss://${inside}/`,
      `ftp://${inside}/`,
      `gopher://${inside}/_GET`,
      'file:///etc/passwd',
      'file://localhost/etc/passwd',
      'data:text/plain,inside',
      'javascript:fetch()',
      `blob:https://${inside}/1`,
      'about:blank',
      `//${inside}/`,
      inside,
      '/etc/passwd',
      '',
      'https://',
      'https://[::1',
      'https://[fe80::1%25eth0]/',
      'https://999.999.999.999/',
      'https://1.2.3.4.5/',
    ]);
}
