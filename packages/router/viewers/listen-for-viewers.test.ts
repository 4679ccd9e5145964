import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { FakeClock } from "@neson/kit/fake-clock";
import type { EdgeRequest } from "@neson/kit/http/answer";
import { silentLog } from "@neson/kit/log";
import { fingerprintOf, selfSigned } from "@neson/kit/wire/testing/self-signed";
import { listenForViewers, type ViewerOptions, viewerSchemeOf } from "./listen-for-viewers.ts";

const OPTIONS: ViewerOptions = {
  listenHost: "127.0.0.1",
  listenPort: 0,
  tlsCertFile: undefined,
  tlsKeyFile: undefined,
  maxConnections: 100,
  maxConnectionsPerAddress: 100,
  maxRequestsPerSecond: 1000,
};

const handle = ({ httpVersion, target }: EdgeRequest) => ({
  status: 200,
  headers: [],
  body: Buffer.from(`${httpVersion} ${target}`),
});

function certificateFiles() {
  const path = mkdtempSync(join(tmpdir(), "neson-viewers-"));
  const paths = { tlsCertFile: join(path, "cert.pem"), tlsKeyFile: join(path, "key.pem") };
  const put = (pair: ReturnType<typeof selfSigned>) => {
    writeFileSync(paths.tlsKeyFile, pair.key);
    writeFileSync(paths.tlsCertFile, pair.cert);
    return pair;
  };
  return { paths, put, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

function shownAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256.replaceAll(":", "").toLowerCase());
      socket.destroy();
    });
    socket.once("error", reject);
  });
}

test("listenForViewers() serves plain HTTP within the limits of an address", async () => {
  const options = { ...OPTIONS, maxRequestsPerSecond: 3 };
  await using server = await listenForViewers(options, { handle, clock: new FakeClock(), log: silentLog });
  const statuses: number[] = [];
  for (let i = 0; i < 5; i++) {
    const response = await fetch(`http://127.0.0.1:${server.port}/a`);
    statuses.push(response.status);
    await response.arrayBuffer();
  }
  expect(statuses).toEqual([200, 200, 200, 429, 429]);
});

test("listenForViewers() serves HTTP/2 with a certificate, and takes up a renewed one", async () => {
  using files = certificateFiles();
  const first = files.put(selfSigned("old.test"));
  const clock = new FakeClock(Date.now());
  await using server = await listenForViewers({ ...OPTIONS, ...files.paths }, { handle, clock, log: silentLog });
  const session = connect(`https://127.0.0.1:${server.port}`, { rejectUnauthorized: false });
  const stream = session.request({ ":path": "/a" });
  let body = "";
  stream.setEncoding("utf8").on("data", (part: string) => {
    body += part;
  });
  await new Promise((resolve) => stream.once("end", resolve).end());
  session.close();
  expect(body).toBe("2.0 /a");
  expect(await shownAt(server.port)).toBe(fingerprintOf(first.cert));
  const renewed = files.put(selfSigned("renewed.test"));
  clock.advance(5000);
  const endMs = performance.now() + 5000;
  while ((await shownAt(server.port)) !== fingerprintOf(renewed.cert)) expect(performance.now()).toBeLessThan(endMs);
});

test("listenForViewers() says what is missing, and the scheme is https with a certificate", async () => {
  const deps = { handle, clock: new FakeClock(), log: silentLog };
  const started = listenForViewers({ ...OPTIONS, tlsCertFile: "/nowhere/cert.pem" }, deps);
  await expect(started).rejects.toMatchObject({ code: "bad-option", fault: "operator" });
  expect(viewerSchemeOf({ tlsCertFile: undefined, edgeScheme: "http" })).toBe("http");
  expect(viewerSchemeOf({ tlsCertFile: "/a", edgeScheme: "http" })).toBe("https");
});
