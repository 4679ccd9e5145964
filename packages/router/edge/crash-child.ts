import { startTestbed } from "./testbed.ts";

// Run by crash.test.ts: pulls objects until it is killed.
const [origin = "", directory = "", from = "0"] = process.argv.slice(2);
const bed = await startTestbed({ origin, directory, shieldBytes: 20_000_000 });
let next = Number(from);
const pull = async () => {
  for (;;) {
    const reply = await bed.get(`/${next++ % 300}`);
    if (reply.cut) throw new Error("cut");
  }
};
await Promise.all(Array.from({ length: 4 }, pull));
