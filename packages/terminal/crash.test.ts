import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { TerminalMessage } from "@neson/protocol/messages";
import { type Child, spawnTerminal } from "./testing/child.ts";
import { FakeRouter } from "./testing/fake-router.ts";
import { type Published, publish, seededBytes, seededRandom } from "./testing/objects.ts";
import { temporaryDirectory } from "./testing/temporary.ts";

const KILLS = 25;
const SEED = 20_250_101;

/** The Terminal is in and has its keys once it sends one. */
const isHeartbeat = ({ type }: TerminalMessage) => type === "heartbeat";

/** What came of one request; a wrong byte fails the test on the spot, also in front of a cut. */
async function ask(child: Child, router: FakeRouter, object: Published): Promise<"right" | "elsewhere" | "cut"> {
  const response = await fetch(child.url + router.path(object), { redirect: "manual" }).catch(() => undefined);
  if (response === undefined) return "cut";
  if (response.status === 307) return "elsewhere";
  expect(response.status).toBe(200);
  const body = response.body?.getReader();
  for (let position = 0; ; ) {
    const step = await body?.read().catch(() => undefined);
    if (step === undefined) return "cut";
    if (step.done) {
      expect(position).toBe(object.bytes.length);
      return "right";
    }
    expect(Buffer.compare(step.value, object.bytes.subarray(position, position + step.value.length))).toBe(0);
    position += step.value.length;
  }
}

test("Terminal answers only right bytes and loses no whole object when it is killed at random moments during fills", async () => {
  using directory = temporaryDirectory();
  await using router = new FakeRouter({ fillBytesPerSecond: 6_000_000 });
  const random = seededRandom(SEED);
  const dataDir = join(directory.path, "data");
  const flags = { data: dataDir, listenPort: "0", router: router.url, logLevel: "silent" };
  const known: Published[] = [];
  const whole = new Set<string>();
  let killedMidFill = 0;
  for (let round = 0; round < KILLS; round++) {
    router.received.length = 0;
    await using child = await spawnTerminal(flags);
    await router.heard(isHeartbeat, 10_000);
    router.filledIds.length = 0;
    for (const object of known) {
      if (!whole.has(object.description.objectId)) continue;
      expect(await ask(child, router, object)).toBe("right");
      expect(router.filledIds).not.toContain(object.description.objectId);
    }
    router.received.length = 0;
    const fresh = [1, 2].map((i) => publish(seededBytes(200_000 + Math.floor(random() * 1_500_000), round * 10 + i)));
    known.push(...fresh);
    for (const object of fresh) router.save(object);
    // One reader that lives through the kill, on a fill under way: it may be cut, never be lied to.
    const reader = fresh[0] === undefined ? undefined : ask(child, router, fresh[0]);
    await Bun.sleep(random() * 350);
    await child.kill();
    await reader;
    for (const message of router.received) if (message.type === "stored") whole.add(message.objectId);
    if (fresh.some(({ description }) => existsSync(join(dataDir, "partial", `${description.objectId}.part`))))
      killedMidFill++;
  }
  // The kills must have hit what they were meant to hit, before and after a commit.
  expect(killedMidFill).toBeGreaterThan(5);
  expect(whole.size).toBeGreaterThan(5);
  router.received.length = 0;
  await using child = await spawnTerminal(flags);
  await router.heard(isHeartbeat, 10_000);
  for (const object of known) expect(await ask(child, router, object)).toBe("right");
}, 60_000);
