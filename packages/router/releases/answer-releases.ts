import { installScript, isInstallScript } from "./install-scripts.ts";
import { RELEASE_FILE } from "./release-file.ts";
import { binariesOf, type Published } from "./release-folder.ts";

const DOWNLOAD = "/download/";
const SUMS_FILE = "SHA256SUMS";
/** Names stay the same from release to release, so a cache must ask each time; the ETag makes that cheap. */
const CACHING = "no-cache";

/** Where an answer's content comes from. */
export interface ReleaseSource {
  /** False when the Router was started without a releases directory. */
  isSet: boolean;
  current: () => Published | undefined;
  controlUrl: () => string;
}

/** Answers GET and HEAD for install scripts and downloads; undefined for paths that are neither. */
export function answerReleases(request: Request, path: string, source: ReleaseSource): Response | undefined {
  const isScript = isInstallScript(path);
  if (!isScript && !path.startsWith(DOWNLOAD)) return undefined;
  if (request.method !== "GET" && request.method !== "HEAD") {
    return refusal(405, "allowed: GET and HEAD", { Allow: "GET, HEAD" });
  }
  if (!source.isSet) {
    return refusal(404, 'this Router gives out no releases: it was started without --releases (see "npm run build")');
  }
  const published = source.current();
  if (published === undefined) {
    const text = "the files of the release are being checked or are not sound; try again in a minute";
    return refusal(503, text, { "Retry-After": "60" });
  }
  if (isScript) return answerScript(request, path, source.controlUrl());
  return answerDownload(request, path.slice(DOWNLOAD.length), published);
}

function answerScript(request: Request, path: string, controlUrl: string): Response {
  const script = installScript(path, controlUrl);
  if (script !== undefined) return answerText(request, script, "text/plain; charset=utf-8");
  const text = "this Router's URL (--control-url) has characters that an install script must not contain";
  return refusal(503, text);
}

function answerDownload(request: Request, file: string, { release, stagePercent, paths }: Published): Response {
  if (file === RELEASE_FILE) {
    const content = `${JSON.stringify({ release, stagePercent }, null, 2)}\n`;
    return answerText(request, content, "application/json");
  }
  if (file === SUMS_FILE) return answerText(request, checksumsOf(binariesOf(release)), "text/plain; charset=utf-8");
  const binary = binariesOf(release).find((candidate) => candidate.file === file);
  const path = paths.get(file);
  if (binary === undefined || path === undefined) {
    const names = [...paths.keys(), SUMS_FILE, RELEASE_FILE].join(", ");
    return refusal(404, `there is no such download; there are: ${names}`);
  }
  const headers = headersOf("application/octet-stream", binary.sha256);
  headers.set("Content-Disposition", `attachment; filename="${file}"`);
  return isUnchanged(request, headers) ? notModified(headers) : new Response(Bun.file(path), { headers });
}

/** Lines as `sha256sum --check` reads them: hash, two spaces, file name. */
export function checksumsOf(binaries: readonly { file: string; sha256: string }[]): string {
  return binaries.map(({ file, sha256 }) => `${sha256}  ${file}\n`).join("");
}

function answerText(request: Request, text: string, type: string): Response {
  const headers = headersOf(type, new Bun.CryptoHasher("sha256").update(text).digest("hex"));
  return isUnchanged(request, headers) ? notModified(headers) : new Response(text, { headers });
}

function headersOf(type: string, hash: string): Headers {
  return new Headers({
    "Content-Type": type,
    "Cache-Control": CACHING,
    ETag: `"${hash}"`,
    "X-Content-Type-Options": "nosniff",
  });
}

/** RFC 9110 section 13.1.2; weak comparison, as it says. */
function isUnchanged(request: Request, headers: Headers): boolean {
  const known = request.headers.get("If-None-Match");
  if (known === null) return false;
  const tags = known.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes("*") || tags.includes(headers.get("ETag") ?? "");
}

function notModified(headers: Headers): Response {
  const kept = new Headers(headers);
  kept.delete("Content-Type");
  kept.delete("Content-Disposition");
  return new Response(null, { status: 304, headers: kept });
}

function refusal(status: number, text: string, headers: Record<string, string> = {}): Response {
  const fields = { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store", ...headers };
  return new Response(`${text}\n`, { status, headers: fields });
}
