/** What an HLS playlist names (RFC 8216), for pulling it ahead of demand. Pure. */

/** A larger file is no playlist. */
export const MAX_PLAYLIST_BYTES = 1_048_576;
/** More of one playlist is not followed. */
const MAX_URIS = 10_000;

/** Whether a response is a playlist, by its type or, where the origin does not know that type, by its name (RFC 8216 4). */
export function isPlaylist(contentType: string | undefined, target: string): boolean {
  const type = (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (type === "application/vnd.apple.mpegurl" || type === "audio/mpegurl" || type === "application/x-mpegurl")
    return true;
  const isVague = type === "" || type === "application/octet-stream" || type === "text/plain";
  return isVague && (target.split("?", 1)[0] ?? "").toLowerCase().endsWith(".m3u8");
}

/**
 * The targets that a playlist names at the site's own host names, each once, in order: segments and other playlists, and what EXT-X-MAP and
 * EXT-X-MEDIA name. Keys are left out, since they are given to members alone.
 * @param target of the playlist itself, which relative URIs are relative to
 */
export function playlistTargets(text: string, target: string, hosts: readonly string[]): string[] {
  if (!text.trimStart().startsWith("#EXTM3U")) return [];
  const base = URL.parse(`http://${hosts[0] ?? "site"}${target}`);
  const targets = new Set<string>();
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim();
    const isTag = line.startsWith("#");
    const uri = isTag ? /^#EXT-X-(?:MAP|MEDIA|I-FRAME-STREAM-INF):.*\bURI="([^"]+)"/.exec(line)?.[1] : line;
    const url = uri === undefined || uri === "" || base === null ? null : URL.parse(uri, base.href);
    if (url === null || !hosts.includes(url.hostname) || !/^https?:$/.test(url.protocol)) continue;
    targets.add(url.pathname + url.search);
    if (targets.size === MAX_URIS) break;
  }
  return [...targets];
}
