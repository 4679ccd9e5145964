import { randomBytes } from "node:crypto";
import { toHex } from "@neson/protocol/bytes";
import { generateIdentity, terminalIdOf } from "@neson/protocol/identity";
import type { CatalogEntry } from "../../packages/router/catalog/entry.ts";
import { plan } from "../../packages/router/policy/plan.ts";
import { prepare } from "../../packages/router/policy/prepare.ts";
import { ConnectedTerminal } from "../../packages/router/registry/connected-terminal.ts";
import { createRegistry, type Registry } from "../../packages/router/registry/registry.ts";
import { siteSchema } from "../../packages/router/sites/site.ts";
import { createSteerer } from "../../packages/router/steer/steerer.ts";
import type { Steering } from "../../packages/router/steer/steering.ts";
import { createTicketMint } from "../../packages/router/steer/ticket-mint.ts";
import { quantile } from "./statistics.ts";
import { STEER_TERMINALS } from "./steer.ts";

const SAMPLES = 100_000;
const TICKET_SECONDS = 300;
const SITE = siteSchema.parse({ name: "bench", hosts: ["bench.test"], origin: "http://origin.test" });

/** Times the decision alone: plan, ranking, choice, tickets and mirrors, in this process. */
export function benchDecision(print: (line: string) => void): void {
  const steering = createSteerer({
    registry: fullRegistry(),
    mint: createTicketMint(
      { masterKey: randomBytes(32), ticketSeconds: TICKET_SECONDS },
      { nowMs: Date.now, randomBytes },
    ),
    nowMs: Date.now,
    save: () => undefined,
  });
  for (const [label, objects] of [
    ["one hot object", 1],
    ["1000 objects in turn", 1000],
    ["objects never ranked before", SAMPLES * 2],
  ] as const) {
    const entries = Array.from({ length: Math.min(objects, SAMPLES * 2) }, entryOf);
    const [warmUp, measured] =
      objects === SAMPLES * 2 ? [entries.slice(0, SAMPLES), entries.slice(SAMPLES)] : [entries, entries];
    timeDecisions(steering, warmUp);
    const micros = timeDecisions(steering, measured);
    const cells = `p50 ${quantile(micros, 0.5).toFixed(1)} us, p99 ${quantile(micros, 0.99).toFixed(1)} us`;
    print(`${label.padEnd(30)} ${cells.padEnd(32)} p99 < 50 us`);
  }
}

/** Microseconds of each of `SAMPLES` decisions. */
function timeDecisions(steering: Steering, entries: readonly CatalogEntry[]): Float64Array {
  const micros = new Float64Array(SAMPLES);
  const request = { method: "GET", headers: { host: "bench.test", accept: "*/*" } };
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    const entry = entries[sample % entries.length];
    const startedNs = Bun.nanoseconds();
    const decision = plan(request, entry, Date.now());
    if (entry === undefined || decision.kind !== "hit") throw new Error(`expected a hit, found ${decision.kind}`);
    const query = { entry, site: SITE, siteHost: "bench.test", target: entry.key, clientAddress: "192.0.2.7" };
    const answer = steering.steer(query);
    micros[sample] = (Bun.nanoseconds() - startedNs) / 1000;
    if (answer === undefined) throw new Error("expected Terminals, found none");
  }
  return micros;
}

function fullRegistry(): Registry {
  const registry = createRegistry();
  for (let index = 0; index < STEER_TERMINALS; index += 1) {
    const id = terminalIdOf(generateIdentity().publicKey);
    const endpoint = `http://127.1.${index}.1:8080`;
    const options = { id, endpoint, nowMs: Date.now(), capacityBytesPerSecond: 125e6, send: () => undefined };
    registry.add(new ConnectedTerminal(options));
  }
  return registry;
}

function entryOf(_: unknown, index: number): CatalogEntry {
  const nowMs = Date.now();
  const headers = ["Content-Type", "video/mp4", "Cache-Control", "public, max-age=86400", "ETag", `"${index}"`];
  const received = { status: 200, headers, requestTimeMs: nowMs, responseTimeMs: nowMs };
  const object = {
    objectId: toHex(randomBytes(32)),
    size: 2 ** 20,
    pieceSize: 2 ** 18,
    sha256: toHex(randomBytes(32)),
  };
  return {
    ...received,
    vary: [],
    facts: prepare(received),
    site: SITE.name,
    key: `/object/${index}.mp4`,
    variant: "",
    createdAtMs: nowMs,
    object,
    headersId: toHex(randomBytes(8)),
  };
}
