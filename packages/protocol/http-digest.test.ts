import { expect, test } from "bun:test";
import { digestHeader, reprDigestHeader } from "./http-digest.ts";

const HELLO = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"; // of "hello\n"

test("digestHeader() writes RFC 3230's form", () => {
  expect(digestHeader(HELLO)).toBe("SHA-256=WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM=");
});

test("reprDigestHeader() writes RFC 9530's form", () => {
  expect(reprDigestHeader(HELLO)).toBe("sha-256=:WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM=:");
});
