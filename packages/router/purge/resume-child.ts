import { systemClock } from "@neson/kit/clock";
import { ObjectHasher } from "@neson/protocol/object";
import { startTestbed, type Testbed } from "../edge/testbed.ts";
import { purgerFor } from "./testbed.ts";

// Run by resume.test.ts: stores entries, begins to purge them, says so, and is killed.
const [directory = "", count = "0"] = process.argv.slice(2);
const bed = await startTestbed({ origin: "http://127.0.0.1:1", directory });
for (let number = 0; number < Number(count); number++) await store(bed, number);
const purger = purgerFor(bed, { clock: systemClock });
await new Promise((resolve) => setTimeout(resolve, 2));
const job = await purger.purge({ site: "test-site", by: "prefix", value: "/img/", mode: "hard" });
process.stdout.write(`${job.id}\n`);

async function store({ shield, catalog }: Testbed, number: number): Promise<void> {
  const bytes = Buffer.from(`content ${number}`);
  const hasher = new ObjectHasher();
  hasher.update(bytes);
  const object = hasher.finish();
  const write = shield.begin();
  await write.append(bytes);
  await write.finish(object);
  write.body.end();
  const times = { requestTimeMs: Date.now(), responseTimeMs: Date.now() };
  const key = `${number % 10 === 0 ? "/kept" : "/img"}/${number}`;
  const headers = ["Cache-Control", "max-age=1000"];
  await catalog.put({ site: "test-site", key, status: 200, headers, vary: [], variantKey: "", ...times }, object);
}
