import { join } from "node:path";
import { openStage as openPlainStage, type Stage } from "../adversary/stage.ts";
import { ROOT, Running, until } from "../e2e/network.ts";
import { noise } from "../e2e/origin.ts";
import type { Ground, LineFault, Place } from "./line.ts";
import type { Order } from "./terminal-process.ts";

const OBJECTS = 8;
const SMALLEST_BYTES = 100_000;
const STEP_BYTES = 15_011;
const TERMINALS = 3;

/** A Terminal whose line can be spoiled. */
export interface StageTerminal {
  /** Origin of the URLs that viewers are sent to. */
  endpoint: string;
  terminalId: string;
  pid: number;
  running: Running;
  dataDir: string;
  spoil(fault: LineFault): Promise<void>;
}

/** How a Terminal of the stage differs from an operator's. */
export interface StageTerminalOptions extends Partial<Pick<Order, "clockOffsetMs" | "flapMs">> {
  flags?: Record<string, string>;
  /** Runs a command where the Terminal is to run. */
  prefix?: string[];
  dataDir?: string;
}

/** A network with one Terminal that something will happen to, and others that are well. */
export interface FaultStage extends Stage {
  ground: Pick<Ground, "name" | "holdsBack">;
  /** What clients ask for, by its target. */
  files: Map<string, Uint8Array>;
  /** Starts one and waits until the Router knows its room; the first is the one to be ill-treated. */
  start(number: number, options?: StageTerminalOptions): Promise<StageTerminal>;
  /** Starts all of them, the first with those options, and waits until each has every file. */
  startAll(first?: StageTerminalOptions): Promise<[victim: StageTerminal, ...others: StageTerminal[]]>;
  /** Waits until a Terminal has every file. */
  filled(terminal: StageTerminal): Promise<void>;
}

/** Opens a Router before an origin with some files, which nobody has asked for yet. */
export async function openStage(ground: Ground): Promise<FaultStage> {
  await using parts = new AsyncDisposableStack();
  const plain = parts.use(await openPlainStage({ routerFlags: ground.routerFlags }));
  const files = new Map<string, Uint8Array>();
  for (let i = 0; i < OBJECTS; i += 1) {
    const bytes = noise(SMALLEST_BYTES + i * STEP_BYTES, i);
    const headers = ["Content-Type", "video/mp4", "Cache-Control", "public, max-age=3600"];
    files.set(`/film-${i}.mp4`, bytes);
    plain.origin.files.set(`/film-${i}.mp4`, { bytes, headers });
  }
  const running = parts.move();
  let starts = 0;
  const places = new Map<number, Place>();
  const start = async (number: number, options: StageTerminalOptions = {}): Promise<StageTerminal> => {
    const place = places.get(number) ?? running.use(await ground.place(number, plain.controlUrl));
    places.set(number, place);
    const dataDir = options.dataDir ?? plain.terminalDataDir(number);
    starts += 1;
    const readyFile = join(plain.directory, `terminal-${number}-${starts}.json`);
    const { clockOffsetMs = 0, flapMs = 0, prefix = [] } = options;
    const ownFlags = { data: dataDir, "panel-port": "0" };
    const order: Order = { flags: { ...ownFlags, ...place.flags, ...options.flags }, readyFile, clockOffsetMs, flapMs };
    const program = [process.execPath, join(ROOT, "test/faults/terminal-process.ts"), JSON.stringify(order)];
    const child = running.use(new Running([...place.prefix, ...prefix, ...program], readyFile));
    const { url, terminalId, pid } = await child.ready<{ url: string; terminalId: string; pid: number }>();
    await until(`Terminal ${number} to report its room: ${child.output}`, async () => {
      return ((await plain.seen(terminalId))?.remainingBytes ?? 0) > 0;
    });
    return { endpoint: url, terminalId, pid, running: child, dataDir, spoil: (fault) => place.line.spoil(fault) };
  };
  const filled = async ({ terminalId, running: { output } }: StageTerminal) => {
    await until(`a Terminal to hold all: ${output}`, async () => {
      return (await plain.seen(terminalId))?.storedObjects === OBJECTS;
    });
  };
  return {
    ...plain,
    ground,
    files,
    start,
    filled,
    startAll: async (first = {}) => {
      const terminals = [await start(1, first)];
      for (let number = 2; number <= TERMINALS; number += 1) terminals.push(await start(number));
      for (const target of files.keys()) await (await fetch(plain.siteUrl + target)).arrayBuffer();
      for (const terminal of terminals) await filled(terminal);
      return terminals as [StageTerminal, ...StageTerminal[]];
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
