import { expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPorts } from "./ports.ts";

const HOST = "127.0.0.1";

async function inDirectory(act: (file: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "neson-ports-"));
  try {
    await act(join(directory, "ports.json"));
  } finally {
    await rm(directory, { recursive: true });
  }
}

test("openPorts() chooses the ports of the former run again", () =>
  inDirectory(async (file) => {
    const first = await openPorts(file);
    const chosen = [await first.choose("control", HOST), await first.choose("demo", HOST)];
    await first.save();
    const second = await openPorts(file);
    expect([await second.choose("control", HOST), await second.choose("demo", HOST)]).toEqual(chosen);
  }));

test("openPorts() chooses another port when somebody took the former one", () =>
  inDirectory(async (file) => {
    const first = await openPorts(file);
    const port = await first.choose("control", HOST);
    await first.save();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, HOST, resolve));
    try {
      expect(await (await openPorts(file)).choose("control", HOST)).not.toBe(port);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  }));

test("openPorts() starts anew when the file is damaged", () =>
  inDirectory(async (file) => {
    await writeFile(file, '{"control 127.0.0.1": "x"}');
    expect(await (await openPorts(file)).choose("control", HOST)).toBeGreaterThan(0);
  }));
