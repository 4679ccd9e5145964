import { expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openGeo } from "./locate.ts";

test("openGeo() finds addresses of institutions that have not moved in decades", () => {
  const locate = openGeo();
  const cases: [address: string, country: string][] = [
    ["18.26.0.36", "US"], // MIT
    ["::ffff:18.26.0.36", "US"],
    ["::FFFF:121a:24", "US"],
    ["0:0:0:0:0:ffff:18.26.0.36", "US"],
    ["130.149.7.201", "DE"], // TU Berlin
    ["129.132.1.1", "CH"], // ETH Zürich
    ["133.11.0.1", "JP"], // University of Tokyo
    ["2001:630::1", "GB"], // JANET
  ];
  for (const [address, country] of cases) expect([address, locate(address)]).toEqual([address, { country }]);
});

test("openGeo() knows no country for private addresses and for what is no address", () => {
  const locate = openGeo();
  for (const address of [
    "127.0.0.1",
    "10.0.0.1",
    "192.168.1.1",
    "::1",
    "fe80::1",
    "",
    "unknown",
    "18.26",
    "example.com",
  ])
    expect([address, locate(address).country]).toEqual([address, "ZZ"]);
});

test("openGeo() says at once what is wrong with the operator's file", async () => {
  const directory = await mkdtemp(join(tmpdir(), "neson-geo-"));
  try {
    const file = join(directory, "countries.mmdb");
    expect(() => openGeo(file)).toThrow(/Opening the country file .* failed: .*Allowed: a MaxMind DB file/);
    await writeFile(file, "no database");
    expect(() => openGeo(file)).toThrow(/Opening the country file .* failed/);
  } finally {
    await rm(directory, { recursive: true });
  }
});
