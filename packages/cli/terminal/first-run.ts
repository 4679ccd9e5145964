import { mkdir } from "node:fs/promises";
import { readOptions, type ValuesOf } from "@neson/kit/config";
import type { Hardware } from "@neson/protocol/hardware";
import { terminalOptions } from "@neson/terminal/config";
import { type Desk, Interview } from "./interview.ts";
import { machineLines } from "./machine-lines.ts";
import { listenHostFor, proposedEndpoint, proposedQuota } from "./proposals.ts";
import { type Given, givenValue, type SavedSettings, settingsPath, writeSettings } from "./settings-file.ts";

/** What the first run needs from its surroundings. */
export interface FirstRunDeps {
  /** Where to ask; undefined takes the proposals without asking. */
  desk: Desk | undefined;
  say: (line: string) => void;
  detectHardware: (options: { dataDir: string; isSmall: boolean }) => Promise<Hardware>;
  /** Addresses of this machine's interfaces, and its name. */
  addresses: readonly string[];
  hostname: string;
}

const asked = {
  dataDir: terminalOptions.dataDir,
  listenHost: terminalOptions.listenHost,
  listenPort: terminalOptions.listenPort,
  routerUrls: terminalOptions.routerUrls,
  quotaBytes: terminalOptions.quotaBytes,
  endpoint: terminalOptions.endpoint,
  isSmall: terminalOptions.isSmall,
};

/**
 * Shows what this machine is, has at most three things decided (Router, quota, endpoint; fewer when flags or the environment give some),
 * and saves them as `terminal.json`. Gives what was saved.
 * @throws NesonError (operator) for a bad flag, an input that ends, a directory that cannot be written
 */
export async function firstRun(given: Given, deps: FirstRunDeps): Promise<SavedSettings> {
  const options = readOptions(asked, given);
  await mkdir(options.dataDir, { recursive: true, mode: 0o700 });
  const hardware = await deps.detectHardware(options);
  deps.say("This machine, as the Router will be told:");
  for (const line of machineLines(hardware)) deps.say(line);
  const setup = await decide({ ...options, hardware }, given, deps);
  const settings: SavedSettings = { ...setup, ...listenSettings(setup.endpoint, given) };
  await writeSettings(options.dataDir, settings);
  deps.say(`Saved in ${settingsPath(options.dataDir)}; change it there, or by flags.`);
  if (settings["listen-host"] === "0.0.0.0" || settings["listen-host"] === "::") {
    deps.say(`Viewers come to ${setup.endpoint}: let them through to port ${options.listenPort} of this machine.`);
    deps.say("Whether they get here: neson terminal doctor");
  }
  return settings;
}

/** Where to listen so that the endpoint leads there, unless that was said. */
function listenSettings(endpoint: string | undefined, given: Given): SavedSettings {
  const settings: SavedSettings = {};
  const host = givenValue("listenHost", given) ?? (endpoint === undefined ? undefined : listenHostFor(endpoint));
  const port = givenValue("listenPort", given);
  if (host !== undefined) settings["listen-host"] = String(host);
  if (port !== undefined) settings["listen-port"] = String(port);
  return settings;
}

/** What is decided, as it would be typed. */
type Setup = { router: string; quota: string; endpoint?: string };
type FirstOptions = ValuesOf<typeof asked> & { hardware: Hardware };

/** What flags or the environment give is not asked. */
async function decide(options: FirstOptions, given: Given, deps: FirstRunDeps): Promise<Setup> {
  using interview = deps.desk === undefined ? undefined : new Interview(deps.desk);
  const settle = async (name: keyof typeof QUESTIONS, propose: () => string): Promise<string> => {
    const said = givenValue(name, given);
    if (said !== undefined) return checked(name, String(said));
    const question = { text: QUESTIONS[name], proposal: propose(), check: (answer: string) => checked(name, answer) };
    return interview === undefined ? question.check(question.proposal) : interview.ask(question);
  };
  const { listenPort, hardware, routerUrls } = options;
  const router = await settle("routerUrls", () => routerUrls.join(","));
  const quota = await settle("quotaBytes", () => proposedQuota(hardware.disk.freeBytes));
  // Where any free port will do, the address is not known before the start.
  if (listenPort === 0 && options.endpoint === undefined) return { router, quota };
  const { addresses, hostname } = deps;
  const [first = router] = router.split(",");
  const endpoint = await settle("endpoint", () => proposedEndpoint({ router: first, listenPort, addresses, hostname }));
  return { router, quota, endpoint };
}

const QUESTIONS = {
  routerUrls: "URL of the Router",
  quotaBytes: "Disk space to lend",
  endpoint: "Public URL of this machine",
} as const;

/** The answer as it was typed, but for a URL's spelling. */
function checked(name: keyof typeof QUESTIONS, answer: string): string {
  const value = readOptions({ [name]: { ...terminalOptions[name], default: answer } }, { flags: {}, env: {} })[name];
  return name === "routerUrls" ? String(value) : answer;
}
