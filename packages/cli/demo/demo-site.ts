import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Answer, Handle, Headers } from "@neson/kit/http/answer";
import { rangedAnswer } from "@neson/kit/http/respond";
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
 * Video and images: the network keeps them for an hour, browsers never do. Without a validator either, every viewing is fetched
 * anew, so that the page shows what the network does and not what the browser remembers.
 */
const MEDIA_CACHING = "public, max-age=0, s-maxage=3600";
const PAGE_CACHING = "public, max-age=60";
const DOWNLOAD_CACHING = "public, max-age=3600";
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
  const player = await readFile(fileURLToPath(import.meta.resolve("hls.js/dist/hls.light.min.js")));
  files.set("/hls.js", fileOf("/hls.js", player, DOWNLOAD_CACHING));
  const page = files.get("/index.html");
  if (page !== undefined) files.set("/", page);
  addDownload(files);
  return ({ method, target, headers }) => {
    if (method !== "GET" && method !== "HEAD")
      return text(405, "this demo site only reads: GET or HEAD", ["Allow", "GET, HEAD"]);
    const file = files.get(target.split("?", 1)[0] ?? "");
    if (file === undefined) return text(404, "no such page on this demo site");
    return rangedAnswer({ requestHeaders: headers, method, ...file });
  };
}

async function addFolder(files: Map<string, File>, folder: string, path: string, caching: string): Promise<void> {
  const directory = fileURLToPath(new URL(`./${folder}/`, import.meta.url));
  for (const name of await readdir(directory)) {
    files.set(`${path}${name}`, fileOf(name, await readFile(`${directory}${name}`), caching));
  }
}

function fileOf(name: string, bytes: Uint8Array, caching: string): File {
  const headers = ["Content-Type", TYPES[extname(name)] ?? "application/octet-stream", "Cache-Control", caching];
  if (caching !== MEDIA_CACHING)
    headers.push("ETag", `"${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}"`);
  return { size: bytes.length, headers, read: (first, last) => bytes.subarray(first, last + 1) };
}

function addDownload(files: Map<string, File>): void {
  const sha256 = largeFileSha256();
  const headers = ["Content-Type", "application/octet-stream", "Cache-Control", DOWNLOAD_CACHING];
  files.set(DOWNLOAD_PATH, {
    size: LARGE_FILE_BYTES,
    headers: [...headers, "ETag", `"${sha256.slice(0, 16)}"`],
    read: streamLarge,
  });
  const note = Buffer.from(`${sha256}  large.bin\n`);
  files.set(`${DOWNLOAD_PATH}.sha256`, {
    size: note.length,
    headers: ["Content-Type", "text/plain", "Cache-Control", PAGE_CACHING],
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
