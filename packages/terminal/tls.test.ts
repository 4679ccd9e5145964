import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import { systemClock } from "@neson/kit/clock";
import { silentLog } from "@neson/kit/log";
import { fingerprintOf, selfSigned } from "@neson/kit/wire/testing/self-signed";
import { startTerminal } from "./terminal.ts";
import { publish, seededBytes, sha256Hex } from "./testing/objects.ts";
import { startPair, testConfig } from "./testing/start.ts";
import { temporaryDirectory } from "./testing/temporary.ts";
import { until } from "./testing/until.ts";
import { openTls } from "./tls.ts";

const film = publish(seededBytes(2_500_000, 9));

function putPair(directory: string, pair = selfSigned("terminal.test")) {
  const paths = { tlsCertFile: join(directory, "cert.pem"), tlsKeyFile: join(directory, "key.pem") };
  writeFileSync(paths.tlsKeyFile, pair.key);
  writeFileSync(paths.tlsCertFile, pair.cert);
  return { ...pair, ...paths };
}

/** Fingerprint of the certificate that a new connection is shown. */
function shownAt(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256.replaceAll(":", "").toLowerCase());
      socket.destroy();
    });
    socket.once("error", reject);
  });
}

test("a Terminal with a certificate serves verified objects over TLS, whole and in ranges, and says https in its endpoint", async () => {
  using directory = temporaryDirectory();
  const { tlsCertFile, tlsKeyFile } = putPair(directory.path);
  await using pair = await startPair({ config: { tlsCertFile, tlsKeyFile } });
  expect(pair.url).toStartWith("https://127.0.0.1:");
  await pair.router.store(film);
  const get = (headers: Record<string, string> = {}) =>
    pair.get(pair.router.path(film), { headers, tls: { rejectUnauthorized: false } } as RequestInit);
  for (let i = 0; i < 3; i++) {
    const whole = await get();
    expect([whole.status, whole.headers.get("content-length")]).toEqual([200, "2500000"]);
    expect(sha256Hex(new Uint8Array(await whole.arrayBuffer()))).toBe(film.description.sha256);
  }
  const part = await get({ Range: "bytes=1000000-1999999" });
  expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, 1_000_000]);
});

test("a Terminal takes up a renewed certificate while a download goes on", async () => {
  using directory = temporaryDirectory();
  const { cert, tlsCertFile, tlsKeyFile } = putPair(directory.path);
  await using pair = await startPair({ config: { tlsCertFile, tlsKeyFile } });
  await pair.router.store(film);
  expect(await shownAt(pair.url)).toBe(fingerprintOf(cert));
  const open = await pair.get(pair.router.path(film), { tls: { rejectUnauthorized: false } } as RequestInit);
  const renewed = putPair(directory.path, selfSigned("renewed.test"));
  await until(
    "the renewed certificate is shown",
    () => {
      void shownAt(pair.url).then((shown) => {
        seen = shown;
      });
      return seen === fingerprintOf(renewed.cert);
    },
    15_000,
  );
  expect(sha256Hex(new Uint8Array(await open.arrayBuffer()))).toBe(film.description.sha256);
}, 30_000);
let seen = "";

test("a Terminal serves HTTP/3 when it is told to", async () => {
  using directory = temporaryDirectory();
  const { tlsCertFile, tlsKeyFile } = putPair(directory.path);
  await using pair = await startPair({ config: { tlsCertFile, tlsKeyFile, http3: true } });
  await pair.router.store(film);
  const path = pair.router.path(film);
  const plain = await pair.get(path, { method: "HEAD", tls: { rejectUnauthorized: false } } as RequestInit);
  expect(plain.headers.get("alt-svc")).toContain('h3=":');
  const init = { protocol: "http3", tls: { rejectUnauthorized: false } } as RequestInit;
  const response = await pair.get(path, init);
  expect(sha256Hex(new Uint8Array(await response.arrayBuffer()))).toBe(film.description.sha256);
});

test("openTls() and startTerminal() say what is missing or wrong before anything listens", async () => {
  using directory = temporaryDirectory();
  const { tlsCertFile, tlsKeyFile } = putPair(directory.path);
  const deps = { clock: systemClock, log: silentLog, random: Math.random };
  const config = (changes: object) => testConfig(join(directory.path, "data"), "http://127.0.0.1:9", changes);
  expect(() => openTls(config({ tlsCertFile }), deps)).toThrow(/option --tls-key: found nothing/);
  expect(() => openTls(config({ tlsKeyFile }), deps)).toThrow(/option --tls-cert: found nothing/);
  expect(() => openTls(config({ http3: true }), deps)).toThrow(/option --http3: found it without --tls-cert/);
  writeFileSync(tlsKeyFile, selfSigned("other.test").key);
  await expect(startTerminal(config({ tlsCertFile, tlsKeyFile }), deps)).rejects.toMatchObject({ code: "bad-tls" });
});
