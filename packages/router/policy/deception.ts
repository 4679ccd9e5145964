import { fieldLines } from "./fields.ts";

// Extensions of files that look the same to everyone, as caches and servers know them.
const STATIC = new Set(
  (
    "css js mjs wasm png jpg jpeg gif webp avif svg ico bmp tif tiff heic jxl woff woff2 ttf otf eot mp3 m4a aac flac ogg opus wav mp4 m4v " +
    "m4s ts webm mov mkv avi pdf doc docx xls xlsx ppt pptx csv zip gz br bz2 xz zst 7z rar tar tgz jar apk dmg iso exe msi bin swf ps eps"
  ).split(" "),
);

// What pages and programming interfaces answer with; what is behind the names above is none of it.
const DOCUMENT = new Set(["text/html", "application/xhtml+xml", "application/json", "application/problem+json"]);

/**
 * Whether a page or data comes under the name of a static file, such as /account/x.css with text/html. Who lures a member to such a URL wants a cache to
 * keep the member's page; what an origin means to be static has the type of its name. Errors are no concern: they show nothing of a member.
 * @param target raw; undefined when it is not known
 */
export function isDisguised(
  target: string | undefined,
  { status, headers }: { status: number; headers: readonly string[] },
): boolean {
  if (target === undefined || status < 200 || status > 299) return false;
  if (!STATIC.has(extensionOf(target))) return false;
  return fieldLines(headers, "content-type").some((line) => DOCUMENT.has(mediaType(line)));
}

/** The lower-case extension at the end of the path, percent-encoded or not. */
function extensionOf(target: string): string {
  const path = target.split("?", 1)[0] ?? "";
  return /(?:\.|%2e)([a-z0-9]{1,5})$/i.exec(path)?.[1]?.toLowerCase() ?? "";
}

function mediaType(contentType: string): string {
  return (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
}
