import { FakeClock } from "@neson/kit/fake-clock";
import { formatHttpDate } from "@neson/kit/http/date";
import {
  type Ask,
  type Reply,
  startOrigin,
  startTestbed,
  type TestbedOptions,
  type TestOrigin,
} from "../../packages/router/edge/testbed.ts";

/** What the origin answers to one target. `headers` is flat; Date is the stage's own unless it is given. */
export interface Script {
  status?: number;
  headers?: string[];
  body?: string;
  /** Breaks the connection instead of answering. */
  isDown?: boolean;
}

/** What became of a request: answered from the store, or by a request to the origin without or with a condition of the cache's own. */
export type Fate = "hit" | "asked" | "validated";

/** A real Router before a real origin, with a clock that only tests move. */
export interface Stage extends AsyncDisposable {
  clock: FakeClock;
  origin: TestOrigin;
  /** Sets what the origin answers to a target from now on. */
  script(target: string, script: Script): void;
  /** Asks the Router; every answer must say in Cache-Status what became of the request (RFC 9211 2). */
  ask(target: string, ask?: Ask): Promise<Reply & { fate: Fate }>;
}

/** "@60", "@60 rfc850" and "@60 asctime" as dates so many seconds from the clock's time (RFC 9110 5.6.7); anything else as it is. */
export function withDate(value: string, clock: FakeClock): string {
  const found = /^@(-?\d+)(?: (\w+))?$/.exec(value);
  if (found === null) return value;
  const date = formatHttpDate(clock.nowMs() + Number(found[1]) * 1000);
  // Sun, 06 Nov 1994 08:49:37 GMT
  const [, weekday = "", day = "", month = "", year = "", time = ""] =
    /^(\w+), (\d+) (\w+) (\d+) ([\d:]+) GMT$/.exec(date) ?? [];
  if (found[2] === "asctime") return `${weekday} ${month} ${day.replace(/^0/, " ")} ${time} ${year}`;
  const fullDay = WEEKDAYS.find((name) => name.startsWith(weekday)) ?? "";
  return found[2] === "rfc850" ? `${fullDay}, ${day}-${month}-${year.slice(2)} ${time} GMT` : date;
}

const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/** Starts both, with everything delivered by the Router itself. */
export async function startStage(site: TestbedOptions["site"] = {}): Promise<Stage> {
  const clock = new FakeClock(Date.UTC(2026, 10, 22, 12, 0, 0));
  const scripts = new Map<string, Script>();
  const origin = await startOrigin((request, response) => {
    const { status = 200, headers = [], body = "content", isDown } = scripts.get(request.url ?? "") ?? {};
    if (isDown === true) {
      request.socket.destroy();
      return;
    }
    const names = headers.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
    const isSame =
      names.includes("etag") && request.headers["if-none-match"] === headers[2 * names.indexOf("etag") + 1];
    const stamp = names.includes("date") ? [] : ["Date", formatHttpDate(clock.nowMs())];
    response.sendDate = false;
    response.writeHead(isSame ? 304 : status, [...headers, ...stamp]);
    response.end(isSame || request.method === "HEAD" ? undefined : body);
  });
  const bed = await startTestbed({ origin: origin.port, clock, site: { rules: [{ deliver: "router" }], ...site } });
  return {
    ...{ clock, origin },
    script: (target, script) => scripts.set(target, script),
    ask: async (target, ask) => {
      const before = origin.requests.length;
      const reply = await bed.get(target, ask);
      const asked = origin.requests[before]?.headers;
      const isConditional = asked?.["if-none-match"] !== undefined || asked?.["if-modified-since"] !== undefined;
      if (reply.status !== 0 && !/^NESON; (hit|fwd=)/.test(String(reply.headers["cache-status"])))
        throw new Error(`${target}: Cache-Status is "${reply.headers["cache-status"]}", expected what became of it`);
      return { ...reply, fate: asked === undefined ? "hit" : isConditional ? "validated" : "asked" };
    },
    [Symbol.asyncDispose]: async () => {
      await bed[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
    },
  };
}
