/**
 * What kind of place an IP address is, after the IANA special-purpose address registries (RFC 6890 and its updates).
 * An IPv4 address inside an IPv6 one (mapped, or NAT64 as DNS64 makes it) counts as what the IPv4 address is.
 */
import { BlockList, isIPv4, isIPv6 } from "node:net";

export type AddressClass = "public" | "loopback" | "private" | "metadata" | "special" | "invalid";

/** Where clouds answer with credentials. Some sit in ranges that look private or even public. */
const METADATA = [
  "169.254.169.254",
  "169.254.170.2",
  "169.254.170.23",
  "100.100.100.200",
  "168.63.129.16",
  "192.0.0.192",
  "fd00:ec2::254",
  "fd00:ec2::23",
  "fd20:ce::254",
];

const LOOPBACK = ["127.0.0.0/8", "::1/128"];

/** RFC 1918, shared address space of carriers (RFC 6598), unique local (RFC 4193). */
const PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];

/** This network, link-local, protocol assignments, documentation, benchmarking, multicast, reserved, broadcast. */
const SPECIAL_V4 = [
  "0.0.0.0/8",
  "169.254.0.0/16",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
];

/** Inside 2000::/3: IETF assignments with Teredo, documentation, 6to4. All outside it is refused anyway. */
const SPECIAL_V6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

const metadata = ranges(METADATA);
const loopback = ranges(LOOPBACK);
const private_ = ranges(PRIVATE);
const special = ranges([...SPECIAL_V4, ...SPECIAL_V6]);
const globalUnicast = ranges(["2000::/3"]);

/** The class of an address written as text, without brackets; a zone (`%eth0`) is ignored. */
export function classify(address: string): AddressClass {
  const plain = unwrap(address);
  if (plain === undefined) return "invalid";
  if (contains(metadata, plain)) return "metadata";
  if (contains(loopback, plain)) return "loopback";
  if (contains(private_, plain)) return "private";
  if (contains(special, plain)) return "special";
  return isIPv4(plain) || contains(globalUnicast, plain) ? "public" : "special";
}

/** A list of addresses and CIDR ranges to ask {@link contains} about. @throws {RangeError} naming a bad entry */
export function ranges(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = "", bits] = entry.split("/");
    const family = isIPv4(address) ? "ipv4" : isIPv6(address) ? "ipv6" : undefined;
    if (family === undefined) throw new RangeError(`not an IP address or CIDR range: ${entry}`);
    const longest = family === "ipv4" ? 32 : 128;
    const prefix = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
    if (prefix < 0 || prefix > longest) throw new RangeError(`not a CIDR range: ${entry}`);
    list.addSubnet(address, prefix, family);
  }
  return list;
}

/** Whether the list holds the address, also when IPv6 wraps an IPv4 one. */
export function contains(list: BlockList, address: string): boolean {
  const plain = unwrap(address);
  return plain !== undefined && list.check(plain, isIPv4(plain) ? "ipv4" : "ipv6");
}

/** The address without zone, and as IPv4 when that is what it reaches; undefined when it is no address. */
function unwrap(address: string): string | undefined {
  if (isIPv4(address)) return address;
  const plain = address.split("%")[0] ?? "";
  if (!isIPv6(plain)) return undefined;
  const groups = groupsOf(plain);
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  const nat64 =
    groups[0] === 0x64 && groups[1] === 0xff9b && groups.slice(2, 6).every((group) => group === 0);
  if (!mapped && !nat64) return plain;
  const [high = 0, low = 0] = groups.slice(6);
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** The eight 16-bit groups of a valid IPv6 address. */
function groupsOf(address: string): number[] {
  const hex = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    const pair = (high: string, low: string) => ((Number(high) << 8) | Number(low)).toString(16);
    return `${pair(a, b)}:${pair(c, d)}`;
  });
  const [head = "", tail] = hex.split("::");
  const parse = (part: string) =>
    part === "" ? [] : part.split(":").map((g) => Number.parseInt(g, 16));
  const front = parse(head);
  if (tail === undefined) return front;
  const back = parse(tail);
  return [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back];
}
