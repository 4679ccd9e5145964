import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Answer, Handle, Headers } from "@neson/kit/http/answer";
import { formatHttpDate } from "@neson/kit/http/date";
import { rangedAnswer } from "@neson/kit/http/respond";
import playerPath from "hls.js/dist/hls.light.min.js" with { type: "file" };
import { LARGE_FILE_BYTES, largeFileBytes, largeFileSha256 } from "./large-file.ts";

const TYPES: Record<string, string> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".jpg": "image/jpeg",
  ".js": "text/javascript; charset=utf-8",
  ".m3u8": "application/vnd.apple.mpegurl",
  ".m4s": "video/iso.segment",
  ".mp4": "video/mp4",
  ".svg": "image/svg+xml",
};

/**
 * Video and images: the network keeps them for an hour, browsers never do. Nor do they get a validator: with one a browser would ask
 * "still the same?", the Router would answer 304 by itself, and the page would show what the browser remembers, not what the network does.
 */
const MEDIA_CACHING = "public, max-age=0, s-maxage=3600";
const HTML_CACHING = "no-cache";
const PLAYLIST_CACHING = "public, max-age=5";
const PAGE_CACHING = "public, max-age=60";
const DOWNLOAD_CACHING = "public, max-age=3600";
/** The large download is computed, so no file tells when its bytes were settled. */
const DOWNLOAD_MODIFIED_MS = Date.UTC(2026, 10, 1);
/** Where the kind of a file, not its folder, says how long it may be kept. */
const CACHING: Record<string, string> = { ".html": HTML_CACHING, ".m3u8": PLAYLIST_CACHING };
const DOWNLOAD_PATH = "/download/large.bin";

interface File {
  size: number;
  headers: Headers;
  read: (first: number, last: number) => Uint8Array | AsyncIterable<Uint8Array>;
}

/** Loads the demo website (page, video, images, hls.js and the large download) and gives what answers for it. */
export async function loadDemoSite(): Promise<Handle> {
  const files = new Map<string, File>();
  await addFolder(files, "page", "/", PAGE_CACHING);
  await addFolder(files, "assets/video", "/video/", MEDIA_CACHING);
  await addFolder(files, "assets/images", "/images/", MEDIA_CACHING);
  files.set("/hls.js", await loadFile(playerPath, DOWNLOAD_CACHING));
  addDownload(files);
  const missing = files.get("/404.html");
  files.delete("/404.html");
  const page = files.get("/index.html");
  if (page !== undefined) files.set("/", page);
  return ({ method, target, headers }) => {
    if (method !== "GET" && method !== "HEAD")
      return text(405, "this demo site only reads: GET or HEAD", ["Allow", "GET, HEAD"]);
    const file = files.get(target.split("?", 1)[0] ?? "");
    if (file !== undefined) return rangedAnswer({ requestHeaders: headers, method, ...file });
    if (missing === undefined) return text(404, "no such page on this demo site");
    return rangedAnswer({ requestHeaders: headers, method, status: 404, ...missing });
  };
}

async function addFolder(files: Map<string, File>, folder: string, path: string, caching: string): Promise<void> {
  const directory = fileURLToPath(new URL(`./${folder}/`, import.meta.url));
  for (const name of await readdir(directory))
    files.set(`${path}${name}`, await loadFile(`${directory}${name}`, caching));
}

async function loadFile(path: string, usualCaching: string): Promise<File> {
  const [bytes, { mtimeMs }] = await Promise.all([readFile(path), stat(path)]);
  const extension = extname(path);
  const caching = CACHING[extension] ?? usualCaching;
  const headers = ["Content-Type", TYPES[extension] ?? "application/octet-stream", "Cache-Control", caching];
  if (caching === MEDIA_CACHING) headers.push("Access-Control-Allow-Origin", "*");
  else headers.push(...validators(createHash("sha256").update(bytes).digest("hex"), mtimeMs));
  return { size: bytes.length, headers, read: (first, last) => bytes.subarray(first, last + 1) };
}

function validators(sha256: string, modifiedMs: number): Headers {
  return ["ETag", `"${sha256.slice(0, 16)}"`, "Last-Modified", formatHttpDate(modifiedMs)];
}

function addDownload(files: Map<string, File>): void {
  const sha256 = largeFileSha256();
  const headers = ["Content-Type", "application/octet-stream", "Cache-Control", DOWNLOAD_CACHING];
  files.set(DOWNLOAD_PATH, {
    size: LARGE_FILE_BYTES,
    headers: [...headers, ...validators(sha256, DOWNLOAD_MODIFIED_MS)],
    read: streamLarge,
  });
  const note = Buffer.from(`${sha256}  large.bin\n`);
  files.set(`${DOWNLOAD_PATH}.sha256`, {
    size: note.length,
    headers: ["Content-Type", "text/plain; charset=utf-8", "Cache-Control", PAGE_CACHING],
    read: (first, last) => note.subarray(first, last + 1),
  });
}

async function* streamLarge(first: number, last: number): AsyncGenerator<Uint8Array> {
  yield* largeFileBytes(first, last);
}

function text(status: number, line: string, headers: Headers = []): Answer {
  const body = Buffer.from(`${line}\n`);
  const framing = ["Content-Type", "text/plain; charset=utf-8", "Content-Length", String(body.length)];
  return { status, headers: [...framing, ...headers], body };
}
