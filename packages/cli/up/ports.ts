import { readFile } from "node:fs/promises";
import { writeFileAtomic } from "@neson/kit/files";
import { z } from "zod";
import { freePort } from "./hosts.ts";

const fileSchema = z.record(z.string().max(300), z.number().int().min(1).max(65_535));

/** Ports that the network chose by itself, kept in a file so that the next run has the same addresses and stored copies stay good. */
export interface Ports {
  /** A port of that host which is free now: the one `name` had before if it still is. */
  choose(name: string, host: string): Promise<number>;
  /** Writes down what was chosen. */
  save(): Promise<void>;
}

/** Reads the ports of the former run; a file that is absent or damaged counts as none. */
export async function openPorts(file: string): Promise<Ports> {
  const ports = await readPorts(file);
  return {
    choose: async (name, host) => {
      const key = `${name} ${host}`;
      const port = await freePort(host, ports.get(key) ?? 0).catch(() => freePort(host, 0));
      ports.set(key, port);
      return port;
    },
    save: () => writeFileAtomic(file, `${JSON.stringify(Object.fromEntries(ports), null, 2)}\n`),
  };
}

async function readPorts(file: string): Promise<Map<string, number>> {
  try {
    return new Map(Object.entries(fileSchema.parse(JSON.parse(await readFile(file, "utf8")))));
  } catch {
    return new Map();
  }
}
