import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { selfSigned } from "@neson/kit/wire/testing/self-signed";
import { temporaryDirectory } from "@neson/terminal/testing/temporary";
import { checkCertificate } from "./certificate.ts";

const DAY_MS = 86_400_000;
const FROM_MS = Date.UTC(2026, 0, 1);
const TO_MS = FROM_MS + 90 * DAY_MS;
const HOST = "t1.example.net";

let directory: ReturnType<typeof temporaryDirectory>;
let certFile: string;
let keyFile: string;

beforeEach(async () => {
  directory = temporaryDirectory();
  certFile = join(directory.path, "cert.pem");
  keyFile = join(directory.path, "key.pem");
  const { cert, key } = selfSigned(HOST, FROM_MS, TO_MS);
  await Promise.all([Bun.write(certFile, cert), Bun.write(keyFile, key)]);
});

afterEach(() => directory[Symbol.dispose]());

function check(nowMs: number, endpoint: string | undefined = `https://${HOST}:8443`) {
  return checkCertificate({ certFile, keyFile, endpoint }, nowMs);
}

test("checkCertificate() finds nothing to check without TLS", async () => {
  const none = { certFile: undefined, keyFile: undefined, endpoint: undefined };
  expect(await checkCertificate(none, FROM_MS)).toBeUndefined();
});

test.each([
  [FROM_MS, "ok", "good until 2026-04-01"],
  [TO_MS - 13.5 * DAY_MS, "warn", "it ends in 13 days, on 2026-04-01"],
  [TO_MS - 1.5 * DAY_MS, "warn", "it ends in 1 day, on"],
  [TO_MS, "fail", "it ended on 2026-04-01"],
] as const)("checkCertificate() at %d is %s", async (nowMs, state, text) => {
  expect(await check(nowMs)).toMatchObject({ state, text: expect.stringContaining(text) });
});

test("checkCertificate() wants the endpoint's name or address in it", async () => {
  expect(await check(FROM_MS, "https://127.0.0.1:8443")).toMatchObject({ state: "ok" });
  expect(await check(FROM_MS, "https://t2.example.net")).toMatchObject({
    state: "fail",
    text: "it is not for t2.example.net, the endpoint's host",
  });
});

test("checkCertificate() refuses a key of another certificate, and files that are neither", async () => {
  await Bun.write(keyFile, selfSigned(HOST).key);
  expect(await check(FROM_MS)).toMatchObject({ state: "fail", text: `${keyFile} is not the key of ${certFile}` });
  await Bun.write(keyFile, "no key");
  expect(await check(FROM_MS)).toMatchObject({ state: "fail", text: expect.stringContaining(keyFile) });
  await Bun.write(certFile, "no certificate");
  expect(await check(FROM_MS)).toMatchObject({ state: "fail", text: expect.stringContaining(certFile) });
  await Bun.file(certFile).delete();
  expect(await check(FROM_MS)).toMatchObject({ state: "fail", text: expect.stringContaining("ENOENT") });
  expect(await checkCertificate({ certFile, keyFile: undefined, endpoint: undefined }, FROM_MS)).toMatchObject({
    state: "fail",
    remedy: "Give both --tls-cert and --tls-key.",
  });
});
