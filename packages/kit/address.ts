import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/**
 * The network a client address belongs to, for grouping clients without naming one: the /24 of an IPv4 address, the /48
 * of an IPv6 address. IPv4-mapped addresses count as IPv4. Anything that is no IP address gives "unknown".
 */
export function networkOf(address: string): string {
  const parsed = parseAddress(address);
  if (parsed === undefined) return "unknown";
  const bytes = parsed.toByteArray();
  if (bytes.length === 4) return `${bytes.slice(0, 3).join(".")}.0/24`;
  const network = ipaddr.fromByteArray([...bytes.slice(0, 6), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  return `${network.toString()}/48`;
}

/**
 * Whether an address is one of the public internet, so that a stranger's configuration may make us dial it. Refuses private,
 * loopback, link-local (cloud metadata), carrier-grade NAT, multicast, documentation and reserved ranges, and the
 * IPv4-mapped (RFC 4291), NAT64 (RFC 6052) and 6to4 (RFC 3056) forms of those. Text that is no IP address is refused.
 */
export function isPublicAddress(address: string): boolean {
  const parsed = parseAddress(address);
  if (parsed === undefined) return false;
  const bytes = parsed.toByteArray();
  if (bytes.length === 4) return parsed.range() === "unicast";
  switch (parsed.range()) {
    case "unicast":
      return isGlobalUnicast(bytes);
    case "rfc6052":
      // Only the well-known 64:ff9b::/96 carries the address in its last bytes; local-use NAT64 (RFC 8215) is private.
      return bytes.slice(4, 12).every((byte) => byte === 0) && isPublicAddress(bytes.slice(12).join("."));
    case "6to4":
      return isPublicAddress(bytes.slice(2, 6).join("."));
    default:
      return false;
  }
}

/** Only 2000::/3 is assigned for global unicast; the library calls every range it has no name for "unicast". */
function isGlobalUnicast(bytes: number[]): boolean {
  return ((bytes[0] ?? 0) & 0xe0) === 0x20;
}

/** `isIP` first: the library alone also takes "127.1", "0x7f000001" and octal forms. */
function parseAddress(address: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  return isIP(address) === 0 ? undefined : ipaddr.process(address);
}

/** "http://host:port" for an address or a host name; an IPv6 address gets its brackets (RFC 3986 section 3.2.2). */
export function httpUrlOf(host: string, port: number): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
