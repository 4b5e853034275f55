import ipaddr from 'ipaddr.js';

// The only addresses that are given out for the public; all else that looks like unicast leads elsewhere or nowhere.
// https://www.iana.org/assignments/ipv6-address-space
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');

// Public by its range, but answered by the host of a virtual machine, with its secrets.
// https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
const hostOfAzure = '168.63.129.16';

// The oldest way to carry IPv4, gone since RFC 4291; the parser takes it for the mapped one.
const compatible = /^::[\d.]+$/;

/**
 * Whether an address, IPv4 or IPv6, is one of the public internet. One that carries an IPv4 address inside (mapped, translated,
 * 6to4, Teredo, NAT64) is not, but for the mapped form of a public one: who routes it decides where it leads.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address) || address.includes('%') || compatible.test(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast') return false;
  if (parsed instanceof ipaddr.IPv6) return parsed.match(globalUnicast);
  return parsed.toString() !== hostOfAzure;
}
