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
  for (const path of ["/", "/style.css", "/page.js"]) {
    const text = await (await fetch(site.url + path)).text();
    expect(text.replaceAll("http://www.w3.org/", "")).not.toMatch(/https?:\/\/[a-z]/);
  }
});

test("loadDemoSite() serves segments and images that are large enough to be steered", async () => {
  await using site = await open();
  for (const path of ["/video/segment-00.m4s", "/video/segment-11.m4s", "/images/valley.jpg", "/images/spiral.jpg"]) {
    const { headers } = await fetch(site.url + path, { method: "HEAD" });
    expect(Number(headers.get("content-length"))).toBeGreaterThan(65_536);
    expect(headers.get("cache-control")).toContain("s-maxage");
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
  expect((await fetch(`${site.url}/nothing`)).status).toBe(404);
  expect((await fetch(`${site.url}/`, { method: "POST" })).status).toBe(405);
});
