import { expect, test } from "bun:test";
import { detectWindows, windowsFactsOf } from "./windows.ts";

test("windowsFactsOf() reads kind and link from the script's line", () => {
  expect(windowsFactsOf('{"link":1000000000,"bus":17,"media":4}\r\n')).toMatchObject({
    diskKind: "ssd",
    linkBitsPerSecond: 1e9,
  });
  expect(windowsFactsOf('{"link":null,"bus":11,"media":3}').diskKind).toBe("hdd");
  expect(windowsFactsOf('{"link":0,"bus":9,"media":4}')).toMatchObject({
    diskKind: "network",
    linkBitsPerSecond: undefined,
  });
  expect(windowsFactsOf('{"link":null,"bus":null,"media":0}').diskKind).toBe("unknown");
});

test("windowsFactsOf() knows nothing when the script failed or printed something else", () => {
  for (const output of [undefined, "", "Access is denied.", "[]", '{"media":"SSD","bus":1,"link":1}']) {
    expect(windowsFactsOf(output)).toMatchObject({ diskKind: "unknown", linkBitsPerSecond: undefined });
  }
});

test("detectWindows() asks about the drive of the data directory, and takes a share for the network", async () => {
  const asked: string[] = [];
  const run = async (command: string[]) => {
    asked.push(command.at(-1) ?? "");
    return '{"link":null,"bus":17,"media":4}';
  };
  expect((await detectWindows("D:\\neson", run)).diskKind).toBe("ssd");
  expect(asked[0]).toContain("-DriveLetter 'D'");
  expect((await detectWindows("\\\\nas\\share", run)).diskKind).toBe("network");
  expect(asked).toHaveLength(1);
});
