import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { egressPolicies, egressPolicy } from "./policy.ts";
import { type AddressClass, classify } from "./ranges.ts";
import { parseTenantEgress } from "./tenants.ts";

/** First and last address of each range, and neighbours outside it. */
const CLASSES: Readonly<Record<AddressClass, readonly string[]>> = {
  public: [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:1.1.1.1",
    "::ffff:101:101",
    "64:ff9b::8.8.8.8",
    "64:ff9b::808:808",
  ],
  loopback: [
    "127.0.0.1",
    "127.255.255.255",
    "127.0.0.0",
    "::1",
    "0:0:0:0:0:0:0:1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "0:0:0:0:0:ffff:7f00:1",
    "64:ff9b::127.0.0.1",
  ],
  private: [
    "10.0.0.0",
    "10.255.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.168.0.0",
    "192.168.255.255",
    "100.64.0.0",
    "100.127.255.255",
    "fc00::",
    "fdff:ffff::1",
    "::ffff:10.0.0.1",
    "::ffff:c0a8:1",
    "64:ff9b::10.0.0.1",
  ],
  metadata: [
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd00:0ec2:0::0254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
  ],
  special: [
    "0.0.0.0",
    "0.255.255.255",
    "169.254.0.0",
    "169.254.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.0",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::2",
    "::127.0.0.1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "4000::1",
    "::ffff:0.0.0.0",
    "::ffff:0:127.0.0.1",
  ],
  invalid: ["", "example.com", "1.2.3", "[::1]", "0x7f.1", "1.2.3.4.5"],
};

describe("addresses", () => {
  for (const [kind, addresses] of Object.entries(CLASSES)) {
    test(kind, () => {
      for (const address of addresses) assert.equal(classify(address), kind, address);
    });
  }
});

describe("an IPv4 address", () => {
  test("is of the same class however IPv6 wraps it", () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
        const groups = [a * 256 + b, c * 256 + d].map((group) => group.toString(16)).join(":");
        for (const prefix of ["::ffff:", "64:ff9b::", "0:0:0:0:0:ffff:", "0064:FF9B:0:0:0:0:"]) {
          assert.equal(classify(prefix + address), classify(address));
          assert.equal(classify(prefix + groups), classify(address));
        }
      }),
    );
  });
});

describe("egress policy", () => {
  const permits = (config: Parameters<typeof egressPolicy>[0], host: string, address = host) =>
    egressPolicy(config).refusal(host, address) === undefined;

  test("permits public addresses only, unless told otherwise", () => {
    for (const [kind, addresses] of Object.entries(CLASSES)) {
      for (const address of addresses)
        assert.equal(permits({}, address), kind === "public", address);
    }
  });

  test("opens loopback and private ranges separately, metadata with neither", () => {
    const local = { allowLoopback: true };
    const inside = { allowPrivate: true };
    const addresses = ["127.0.0.1", "10.0.0.1", "fd00:ec2::254", "169.254.169.254", "169.254.1.1"];
    const permitted = (config: object) => addresses.filter((address) => permits(config, address));
    assert.deepEqual(permitted(local), ["127.0.0.1"]);
    assert.deepEqual(permitted(inside), ["10.0.0.1"]);
    assert.deepEqual(permitted({ ...local, ...inside }), ["127.0.0.1", "10.0.0.1"]);
  });

  test("allows hosts, addresses and ranges", () => {
    const allow = ["api.internal", "*.corp.example", "10.1.0.0/16", "169.254.169.254", "fd00::/8"];
    const config = { allow };
    assert.ok(permits(config, "API.internal.", "10.9.9.9"));
    assert.ok(permits(config, "a.b.corp.example", "127.0.0.1"));
    assert.ok(permits(config, "anything", "10.1.2.3"));
    assert.ok(permits(config, "anything", "::ffff:10.1.2.3"));
    assert.ok(permits(config, "169.254.169.254"));
    assert.ok(permits(config, "anything", "fd12::1"));
    assert.ok(!permits(config, "corp.example", "10.9.9.9"));
    assert.ok(!permits(config, "evilcorp.example", "10.9.9.9"));
    assert.ok(!permits(config, "api.internal.evil.example", "10.9.9.9"));
    assert.ok(!permits({ allow: ["api.internal"] }, "api.internal", "169.254.169.254"));
  });

  test("deny wins", () => {
    const config = {
      allowPrivate: true,
      allow: ["10.1.2.3", "a.example"],
      deny: ["10.0.0.0/8", "*.example", "8.8.8.8"],
    };
    assert.ok(!permits(config, "10.1.2.3"));
    assert.ok(!permits(config, "a.example", "1.1.1.1"));
    assert.ok(!permits(config, "dns", "::ffff:8.8.8.8"));
    assert.ok(permits(config, "192.168.0.1"));
  });

  test("refuses entries that mean nothing", () => {
    for (const entry of [
      "",
      "10.0.0.0/33",
      "10.0.0/8",
      "a b",
      "http://a",
      "*",
      "*.",
      "a:80",
      "::/129",
    ]) {
      assert.throws(() => egressPolicy({ allow: [entry] }), RangeError, JSON.stringify(entry));
    }
  });
});

describe("a tenant's egress policy", () => {
  const policies = egressPolicies(
    { allow: ["10.1.0.0/16"], deny: ["*.bad.example", "10.1.0.9"] },
    {
      acme: { allow: ["10.2.0.0/16", "10.1.0.9"], deny: ["slow.example"] },
      walled: { only: ["*.acme.example", "10.1.0.1"], allow: ["inside.acme.example"] },
    },
  );
  const permits = (tenant: string, host: string, address = host) =>
    policies.of(tenant).refusal(host, address) === undefined;

  test("adds to the operator's lists, whose refusals stay", () => {
    assert.ok(permits("acme", "10.2.0.1"));
    assert.ok(permits("acme", "10.1.0.1"));
    assert.ok(!permits("acme", "10.1.0.9"));
    assert.ok(!permits("acme", "slow.example", "1.1.1.1"));
    assert.ok(!permits("acme", "very.bad.example", "1.1.1.1"));
  });

  test("is no other tenant's", () => {
    for (const tenant of ["default", "acme ", "__proto__", "constructor"]) {
      assert.ok(!permits(tenant, "10.2.0.1"), tenant);
      assert.ok(permits(tenant, "slow.example", "1.1.1.1"), tenant);
    }
  });

  test("with only, names all that may be called, and opens nothing by that", () => {
    assert.ok(permits("walled", "api.acme.example", "1.1.1.1"));
    assert.ok(!permits("walled", "api.other.example", "1.1.1.1"));
    assert.ok(!permits("walled", "1.1.1.1"));
    assert.ok(permits("walled", "10.1.0.1"));
    assert.ok(!permits("walled", "10.1.0.2"));
    assert.ok(!permits("walled", "api.acme.example", "10.9.9.9"));
    assert.ok(permits("walled", "inside.acme.example", "10.9.9.9"));
    assert.ok(!permits("walled", "inside.acme.example", "169.254.169.254"));
  });

  test("both lists hold where the operator has one, too", () => {
    const both = egressPolicies(
      { only: ["*.example"] },
      { acme: { only: ["a.example", "b.test"] } },
    );
    const allowed = (host: string) => both.of("acme").refusal(host, "1.1.1.1") === undefined;
    assert.deepEqual(["a.example", "b.example", "b.test"].filter(allowed), ["a.example"]);
  });

  test("is read from JSON that says what it means", () => {
    assert.deepEqual(parseTenantEgress(""), {});
    const acme = { allow: ["10.0.0.1"], only: ["*.example"] };
    assert.deepEqual(parseTenantEgress(JSON.stringify({ acme })), { acme });
    for (const [text, message] of [
      ["{", "expected JSON"],
      ["[]", "expected a JSON object of tenants"],
      ['{"a":1}', "a: expected an object"],
      ['{"a":{"alow":[]}}', "a.alow: expected one of allow, deny, only"],
      ['{"a":{"deny":"x"}}', "a.deny: expected a list of strings"],
      ['{"a":{"deny":["x:1"]}}', "a: not a host name, IP address or CIDR range: x:1"],
    ] as const) {
      assert.throws(() => parseTenantEgress(text), { name: "RangeError", message });
    }
  });
});
