import { expect, test } from "bun:test";
import { type HttpServer, serveHttp } from "@neson/kit/http/server";
import { silentLog } from "@neson/kit/log";
import { loadDemoSite } from "./demo-site.ts";
import { LARGE_FILE_BYTES, largeFileBytes, largeFileSha256 } from "./large-file.ts";

async function open(): Promise<{ url: string; server: HttpServer } & AsyncDisposable> {
  const handle = await loadDemoSite();
  const server = await serveHttp({ hostname: "127.0.0.1", port: 0, handle, log: silentLog });
  return { url: `http://127.0.0.1:${server.port}`, server, [Symbol.asyncDispose]: () => server.stop() };
}

test("loadDemoSite() serves every file that the page and the playlist name", async () => {
  await using site = await open();
  const page = await (await fetch(`${site.url}/`)).text();
  const named = [...page.matchAll(/(?:src|href|poster)="(\/[^"]*)"/g)].map((match) => match[1] ?? "");
  const playlist = await (await fetch(`${site.url}/video/index.m3u8`)).text();
  const segments = playlist.split("\n").filter((line) => line.endsWith(".m4s"));
  expect(named.length).toBeGreaterThan(6);
  expect(segments).toHaveLength(12);
  for (const path of [...named, "/video/init.mp4", ...segments.map((segment) => `/video/${segment}`)]) {
    const answer = await fetch(site.url + path, { method: "HEAD" });
    expect(`${path} ${answer.status} ${answer.headers.get("content-type")}`).not.toMatch(/ (4|5)\d\d | octet-stream$/);
  }
});

test("loadDemoSite() names no other website on its page", async () => {
  await using site = await open();
  for (const path of ["/", "/nothing", "/style.css", "/page.js"]) {
    const text = await (await fetch(site.url + path)).text();
    expect(text.replaceAll("http://www.w3.org/", "")).not.toMatch(/https?:\/\/[a-z]/);
    expect(text).not.toMatch(/<[^>]+\son[a-z]+=/);
  }
});

test("loadDemoSite() has segments and images large enough to be steered, and at most 4 MB in all", async () => {
  await using site = await open();
  const assets = new Bun.Glob("**/*").scanSync(`${import.meta.dir}/assets`);
  let totalBytes = 0;
  for (const path of assets) {
    const { headers } = await fetch(`${site.url}/${path}`, { method: "HEAD" });
    const bytes = Number(headers.get("content-length"));
    totalBytes += bytes;
    const [atLeast, atMost] = path.endsWith(".m4s") ? [100_000, 300_000] : [80_000, 250_000];
    if (!path.endsWith(".m4s") && !path.startsWith("images/")) continue;
    expect({ path, isRightSize: bytes >= atLeast && bytes <= atMost }).toEqual({ path, isRightSize: true });
    expect(headers.get("cache-control")).toContain("s-maxage");
    expect(headers.get("access-control-allow-origin")).toBe("*");
  }
  expect(totalBytes).toBeGreaterThan(1_000_000);
  expect(totalBytes).toBeLessThanOrEqual(4_000_000);
});

test.each([
  ["/", "text/html; charset=utf-8", "no-cache"],
  ["/page.js", "text/javascript; charset=utf-8", "public, max-age=60"],
  ["/style.css", "text/css; charset=utf-8", "public, max-age=60"],
  ["/hls.js", "text/javascript; charset=utf-8", "public, max-age=3600"],
  ["/video/index.m3u8", "application/vnd.apple.mpegurl", "public, max-age=5"],
  ["/download/large.bin", "application/octet-stream", "public, max-age=3600"],
])("loadDemoSite() gives %s as %s for %s, and 304 to who has it", async (path, type, caching) => {
  await using site = await open();
  const { headers } = await fetch(site.url + path, { method: "HEAD" });
  expect([headers.get("content-type"), headers.get("cache-control")]).toEqual([type, caching]);
  const etag = headers.get("etag") ?? "";
  const since = headers.get("last-modified") ?? "";
  expect(etag).toMatch(/^"[0-9a-f]+"$/);
  for (const condition of [
    ["If-None-Match", etag],
    ["If-Modified-Since", since],
  ] as const) {
    expect((await fetch(site.url + path, { headers: [[...condition]] })).status).toBe(304);
  }
  const other = await fetch(site.url + path, { method: "HEAD", headers: { "If-None-Match": '"other"' } });
  expect(other.status).toBe(200);
});

test("loadDemoSite() gives video and images no validator, so that no viewing is answered 304", async () => {
  await using site = await open();
  for (const path of ["/video/init.mp4", "/video/segment-03.m4s", "/images/island.jpg"]) {
    const { headers } = await fetch(site.url + path);
    expect([headers.get("etag"), headers.get("last-modified")]).toEqual([null, null]);
  }
});

test("loadDemoSite() answers ranges of the large download, and its checksum beside it", async () => {
  await using site = await open();
  const url = `${site.url}/download/large.bin`;
  const part = await fetch(url, { headers: { Range: "bytes=1000001-1000100" } });
  expect(part.status).toBe(206);
  expect(part.headers.get("content-range")).toBe(`bytes 1000001-1000100/${LARGE_FILE_BYTES}`);
  expect(part.headers.get("etag")).toMatch(/^"/);
  expect(Buffer.from(await part.bytes())).toEqual(Buffer.concat([...largeFileBytes(1_000_001, 1_000_100)]));
  expect(await (await fetch(`${url}.sha256`)).text()).toBe(`${largeFileSha256()}  large.bin\n`);
});

test("loadDemoSite() refuses what is not there and what is not reading", async () => {
  await using site = await open();
  const missing = await fetch(`${site.url}/nothing`);
  expect([missing.status, missing.headers.get("content-type")]).toEqual([404, "text/html; charset=utf-8"]);
  expect(await missing.text()).toContain("Nothing here");
  expect((await fetch(`${site.url}/404.html`)).status).toBe(404);
  expect((await fetch(`${site.url}/`, { method: "POST" })).status).toBe(405);
});
