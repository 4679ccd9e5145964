import { expect, test } from "bun:test";
import { urisOf } from "./warm.ts";

test("urisOf() gives the initialisation section and every segment, in order, and no comment or tag", () => {
  const playlist = [
    "#EXTM3U",
    "# made for a test",
    '#EXT-X-MAP:URI="init.mp4"',
    "#EXTINF:2.0,",
    "segment-00.m4s",
    "#EXTINF:2.0,",
    "segment-01.m4s",
    "#EXT-X-ENDLIST",
    "",
  ].join("\r\n");
  expect(urisOf(playlist)).toEqual(["init.mp4", "segment-00.m4s", "segment-01.m4s"]);
});
