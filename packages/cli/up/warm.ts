const PLAYLIST = "video/index.m3u8";
const FETCH_MS = 10_000;

/**
 * Asks for the demo video once through the Router, so that the first person to press play already sees it come from Terminals.
 * @param site URL of the site, without a final slash
 */
export async function warmVideo(site: string, signal: AbortSignal): Promise<void> {
  const get = (url: string) => fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(FETCH_MS)]) });
  const playlistUrl = `${site}/${PLAYLIST}`;
  for (const uri of urisOf(await (await get(playlistUrl)).text())) {
    await (await get(new URL(uri, playlistUrl).href)).arrayBuffer();
  }
}

/** The files a media playlist names: its initialisation section and its segments (RFC 8216, sections 4.1 and 4.3.2.5). */
export function urisOf(playlist: string): string[] {
  const uris: string[] = [];
  for (const line of playlist.split(/\r?\n/)) {
    const section = /^#EXT-X-MAP:.*URI="([^"]+)"/.exec(line)?.[1];
    if (section !== undefined) uris.push(section);
    else if (line !== "" && !line.startsWith("#")) uris.push(line);
  }
  return uris;
}
