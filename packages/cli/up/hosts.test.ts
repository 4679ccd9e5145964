import { expect, test } from "bun:test";
import { createServer } from "node:net";
import { canListen, freePort, terminalHosts } from "./hosts.ts";

test("freePort() gives the port itself, or for 0 one that can be listened on", async () => {
  const port = await freePort("127.0.0.1", 0);
  expect(port).toBeGreaterThan(0);
  expect(await freePort("127.0.0.1", port)).toBe(port);
});

test("canListen() is false when somebody listens there", async () => {
  const port = await freePort("127.0.0.1", 0);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  try {
    expect(await canListen("127.0.0.1", port)).toBe(false);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

test("terminalHosts() gives every Terminal a name of its own", async () => {
  const names = (await terminalHosts(64)).map(({ name }) => name);
  expect(new Set(names).size).toBe(64);
});
