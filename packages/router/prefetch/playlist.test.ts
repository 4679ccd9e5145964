import { expect, test } from "bun:test";
import { isPlaylist, playlistTargets } from "./playlist.ts";

test("isPlaylist() goes by the type, and by the name only where the type says nothing", () => {
  const cases: [type: string | undefined, target: string, expected: boolean][] = [
    ["application/vnd.apple.mpegurl; charset=utf-8", "/a", true],
    ["audio/mpegurl", "/a", true],
    ["text/plain", "/live/a.M3U8?x=1", true],
    [undefined, "/a.m3u8", true],
    ["text/html", "/a.m3u8", false],
    ["video/mp2t", "/a.ts", false],
    [undefined, "/a?b=.m3u8", false],
  ];
  for (const [type, target, expected] of cases)
    expect([type, target, isPlaylist(type, target)]).toEqual([type, target, expected]);
});

test("playlistTargets() resolves what is at the site's hosts, each once, and leaves keys out", () => {
  const text = [
    "#EXTM3U",
    '#EXT-X-MAP:URI="init.mp4"',
    '#EXT-X-KEY:METHOD=AES-128,URI="/keys/1"',
    '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",URI="../audio/en.m3u8"',
    "#EXTINF:4,",
    "seg-1.ts?x=1",
    "",
    "#EXTINF:4,",
    "seg-1.ts?x=1",
    "https://www.films.test/b/seg-2.ts",
    "https://other.test/seg-3.ts",
    "javascript:alert(1)",
  ].join("\r\n");
  expect(playlistTargets(text, "/v/hd/list.m3u8?t=1", ["films.test", "www.films.test"])).toEqual([
    "/v/hd/init.mp4",
    "/v/audio/en.m3u8",
    "/v/hd/seg-1.ts?x=1",
    "/b/seg-2.ts",
  ]);
  expect(playlistTargets("<html>", "/a", ["films.test"])).toEqual([]);
});
