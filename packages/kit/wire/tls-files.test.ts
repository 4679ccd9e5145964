import { expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "../fake-clock.ts";
import { silentLog } from "../log.ts";
import { selfSigned } from "./testing/self-signed.ts";
import { TlsFiles } from "./tls-files.ts";
import type { TlsPair } from "./tls-pair.ts";

function temporaryDirectory() {
  const path = mkdtempSync(join(tmpdir(), "neson-tls-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

function start(directory: string) {
  const paths = { certFile: join(directory, "cert.pem"), keyFile: join(directory, "key.pem") };
  const put = ({ cert, key }: TlsPair) => {
    for (const [path, text] of [[paths.certFile, cert] as const, [paths.keyFile, key] as const]) {
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
    }
  };
  return { paths, put, clock: new FakeClock() };
}

test("TlsFiles hands over a replaced pair, and keeps the old one while the new one is no good", async () => {
  using directory = temporaryDirectory();
  const { paths, put, clock } = start(directory.path);
  const [old, renewed] = [selfSigned("old.test"), selfSigned("new.test", Date.now(), Date.now() + 400 * 86_400_000)];
  put(old);
  await using files = new TlsFiles(paths, { clock, log: silentLog });
  expect(files.first).toEqual(old);
  const firstExpiryMs = files.expiresAtMs;
  const taken: TlsPair[] = [];
  const refuseMismatch = (pair: TlsPair) => {
    if (pair.key !== renewed.key) throw new Error("the key does not fit");
    taken.push(pair);
  };
  files.watch(refuseMismatch);
  await clock.advance(5000);
  expect(taken).toEqual([]);
  writeFileSync(paths.certFile, renewed.cert);
  await clock.advance(5000);
  expect([taken.length, files.expiresAtMs]).toEqual([0, firstExpiryMs]);
  put(renewed);
  await clock.advance(5000);
  expect(taken).toEqual([renewed]);
  expect(files.expiresAtMs).toBeGreaterThan(firstExpiryMs);
  await clock.advance(60_000);
  expect(taken).toHaveLength(1);
});

test("TlsFiles says which file cannot be used and why", () => {
  using directory = temporaryDirectory();
  const { paths, put, clock } = start(directory.path);
  const open = () => new TlsFiles(paths, { clock, log: silentLog });
  expect(open).toThrow(/--tls-cert: found .*cert\.pem, which cannot be read/);
  put({ cert: "junk", key: "junk" });
  expect(open).toThrow(/--tls-cert: found .*cert\.pem, which is not PEM/);
  put({ cert: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", key: selfSigned("x.test").key });
  expect(open).toThrow(/in which no certificate can be read/);
});
