import { expect, test } from "bun:test";
import type { RouterStatus } from "../admin-client.ts";
import { bytesText, summaryLine, tableLines } from "./live-table.ts";

const ENDPOINT = "http://127.0.0.2:40001";

function status(edge: Partial<RouterStatus["edge"]> = {}): RouterStatus {
  const none = { requests: 0, hits: 0, misses: 0, revalidations: 0, passes: 0, steered: 0 };
  return {
    uptimeSeconds: 5,
    edge: { ...none, routerBytes: 0, originRequests: 0, ...edge },
    meter: { paidBytes: 3 * 1024 * 1024, paidTickets: 2, byTerminal: {} },
    terminals: [
      {
        ...{ id: "aa", endpoint: ENDPOINT, connectedSeconds: 4, utilisation: 0, storedObjects: 7, remainingBytes: 1 },
        ...{ openTransfers: 0, egressBytesPerSecond: 2048, paidBytes: 1024 },
      },
    ],
  };
}

test("tableLines() shows each Terminal, connected or away", () => {
  const text = tableLines(status(), [
    { endpoint: ENDPOINT, pid: 1 },
    { endpoint: "http://127.0.0.3:40002", pid: 2 },
  ]).join("\n");
  expect(text).toMatch(/127\.0\.0\.2:40001 +serving +7 +2\.0 KiB\/s +1\.0 KiB/);
  expect(text).toMatch(/127\.0\.0\.3:40002 +away/);
});

test("tableLines() stays within 78 columns when figures are large", () => {
  const large = status({ requests: 1e10, hits: 9e9, steered: 9e9, originRequests: 1e9 });
  large.meter = { paidBytes: 1e15, paidTickets: 9_999_999_999, byTerminal: {} };
  const lines = tableLines(large, [{ endpoint: "http://terminal-64.localhost:65535", pid: 1 }]);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(78);
});

test("summaryLine() gives the hit ratio once there are requests", () => {
  expect(summaryLine(status())).toContain("hit ratio –");
  expect(summaryLine(status({ requests: 4, hits: 2, revalidations: 1 }))).toContain("hit ratio 75.0 %");
});

test("bytesText() uses powers of 1024 and stops at TiB", () => {
  expect([0, 1023, 1024, 5 * 1024 ** 3, 3000 * 1024 ** 4].map(bytesText)).toEqual([
    ...["0 B", "1023 B", "1.0 KiB", "5.0 GiB", "3000.0 TiB"],
  ]);
});
