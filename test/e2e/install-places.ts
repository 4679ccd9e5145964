import { chmod, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** How one run of an install script ended. */
export interface ScriptRun {
  code: number;
  stdout: string;
  /** The script speaks to people here. */
  stderr: string;
}

/** What a script finds around it. Nothing of this process's environment reaches it but what is named here. */
export interface ScriptPlace {
  /** Stands for the home directory. */
  home: string;
  /** From `pathWith`: no script runs here without its guards. */
  path: string;
  env?: Record<string, string>;
}

/** Runs a shell command line as somebody whose home directory that is. */
export async function runShell(commandLine: string, { home, path, env }: ScriptPlace): Promise<ScriptRun> {
  const child = Bun.spawn(["sh", "-c", commandLine], {
    cwd: home,
    env: { HOME: home, PATH: path, TMPDIR: process.env.TMPDIR ?? "/tmp", ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

/** Every file below a directory, relative, sorted; directories do not count. */
export async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory());
  return files.map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1)).sort();
}

/** Values of a unit's key, in order, with %h put in. */
export async function unitValues(unitPath: string, key: string, home: string): Promise<string[]> {
  const lines = (await readFile(unitPath, "utf8")).split("\n");
  const values = lines.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));
  return values.map((value) => value.replaceAll("%h", home));
}

/** The settings of an environment file, as systemd reads what install.sh writes. */
export async function readEnvironmentFile(path: string): Promise<Record<string, string>> {
  const settings: Record<string, string> = {};
  for (const line of (await readFile(path, "utf8")).split("\n")) {
    const match = /^([A-Z_]+)="(.*)"$/.exec(line);
    if (match?.[1] !== undefined) settings[match[1]] = match[2] ?? "";
  }
  return settings;
}

/**
 * What keeps a script away from the machine that runs the tests, even a script that is broken or half: it is nobody's root, so it cannot
 * choose to install for the whole system, and there is no systemd to tell.
 */
const GUARDS = { id: "echo 1000", systemctl: "exit 1", useradd: "exit 1", userdel: "exit 1" };

/** Makes commands of shell text beside the guards, and gives the PATH on which they come before all others. */
export async function pathWith(directory: string, commands: Record<string, string> = {}): Promise<string> {
  for (const [name, text] of Object.entries({ ...GUARDS, ...commands })) {
    await Bun.write(join(directory, name), `#!/bin/sh\n${text}\n`);
    await chmod(join(directory, name), 0o755);
  }
  return `${directory}:${process.env.PATH}`;
}
