import { expect, test } from "bun:test";
import { join } from "node:path";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { toBase64Url } from "@neson/protocol/bytes";
import { sealTicket, ticketKeyDay } from "@neson/protocol/ticket";
import { TicketKeys } from "../control/ticket-keys.ts";
import { openIndex } from "../store/index-database.ts";
import { Settings } from "../store/settings.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { TicketDesk } from "./ticket-desk.ts";

const NOW = 1_700_000_000;
const DAY = ticketKeyDay(NOW);
const TERMINAL_ID = "ab".repeat(32);
const key = (fill: number) => new Uint8Array(32).fill(fill);

function seal(expiresAt: number): string {
  const ticket = {
    keyDay: DAY,
    terminalId16: TERMINAL_ID.slice(0, 32),
    objectId: "cd".repeat(32),
    headersId: "00".repeat(8),
    siteId: "00".repeat(8),
    firstByte: 0,
    lastByte: 9,
    maxBytes: 10,
    expiresAt,
    nonce: "11".repeat(16),
    clientNetwork: "00".repeat(8),
  };
  return sealTicket(ticket, { routerTagKey: key(9), terminalKey: key(1), siteHost: "a.example" });
}

test("TicketDesk judges a ticket it remembers by the same rules as one it sees first", () => {
  using directory = temporaryDirectory();
  const clock = new FakeClock(NOW * 1000);
  const index = openIndex(join(directory.path, "index.sqlite"), { clock, log: silentLog });
  const keys = new TicketKeys(new Settings(index), clock);
  keys.accept([{ day: DAY, key: toBase64Url(key(1)) }]);
  const desk = new TicketDesk(TERMINAL_ID, keys);
  const ticket = seal(NOW + 10);
  const judge = (siteHost: string, nowSeconds: number) => {
    const verdict = desk.open({ ticket, siteHost, target: "/" }, nowSeconds);
    return verdict.ok ? "ok" : verdict.reason;
  };
  expect([judge("a.example", NOW), judge("a.example", NOW + 9.9)]).toEqual(["ok", "ok"]);
  expect(judge("evil.example", NOW)).toBe("forged");
  expect(judge("a.example", NOW + 10)).toBe("expired");
  expect(judge("a.example", NOW)).toBe("ok");
  keys.accept([{ day: DAY, key: toBase64Url(key(2)) }]);
  expect(judge("a.example", NOW)).toBe("forged");
  index.close();
});
