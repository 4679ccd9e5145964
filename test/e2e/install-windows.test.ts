import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { terminalOptions } from "../../packages/terminal/config.ts";
import { ROOT } from "./network.ts";

// There is no PowerShell here, so the script is read, not run: its form by a small scanner, its promises by what it names.
const script = readFileSync(join(ROOT, "packages/router/install/install.ps1"), "utf8");

/** Code with comments and the text of strings blanked out; throws where a string does not end. Line for line. */
function codeOf(text: string): string {
  const tokens = /@'\n[\s\S]*?\n'@|@"\n[\s\S]*?\n"@|#[^\n]*|'(?:[^'\n]|'')*'|"(?:[^"`\n]|`.|"")*"|['"]/g;
  return text.replace(tokens, (token) => {
    if (token === "'" || token === '"') throw new Error(`a string does not end: ${token}`);
    return token.replace(/[^\n]/g, " ");
  });
}

/** The body of a function, from its opening brace to the one that closes it. */
function bodyOf(name: string): string {
  const code = codeOf(script);
  const start = code.indexOf("{", code.indexOf(`function ${name}`));
  let depth = 0;
  for (let at = start; at < code.length; at++) {
    if (code[at] === "{") depth++;
    if (code[at] === "}" && --depth === 0) return script.slice(start, at + 1);
  }
  throw new Error(`function ${name} is not closed`);
}

/** Brackets that do not match, as "line: bracket". */
function bracketFaults(code: string): string[] {
  const open: string[] = [];
  const faults: string[] = [];
  const partner: Record<string, string> = { ")": "(", "]": "[", "}": "{" };
  code.split("\n").forEach((line, index) => {
    for (const char of line) {
      if ("([{".includes(char)) open.push(char);
      else if (char in partner && open.pop() !== partner[char]) faults.push(`${index + 1}: ${char}`);
    }
  });
  return [...faults, ...open.map((char) => `end: ${char}`)];
}

test("install.ps1 is well-formed: strings end, brackets match, also in the runner that it writes", () => {
  expect(bracketFaults(codeOf(script))).toEqual([]);
  const runner = /@'\n([\s\S]*?)\n'@/.exec(script)?.[1] ?? "";
  expect(bracketFaults(codeOf(runner))).toEqual([]);
  expect(runner).toContain("'terminal', 'run'");
  // The scanner itself finds what it is for.
  expect(bracketFaults(codeOf("if ($a) { 'b }' "))).toEqual(["end: {"]);
  expect(() => codeOf("$a = 'open\n")).toThrow("does not end");
});

test("install.ps1 is plain ASCII without tabs, so that every PowerShell reads it alike", () => {
  expect(script.match(/[^\n\x20-\x7e]/)).toBeNull();
});

test("install.ps1 does nothing before its last statement: half a download is an error or only functions", () => {
  const code = codeOf(script);
  const outside: string[] = [];
  let depth = 0;
  for (const line of code.split("\n")) {
    if (depth === 0 && line.trim() !== "") outside.push(line.trim().split(/[\s({]/)[0] ?? "");
    for (const char of line) depth += "([{".includes(char) ? 1 : ")]}".includes(char) ? -1 : 0;
  }
  expect(outside[0]).toBe("param");
  expect(outside.at(-1)).toBe("Invoke-Neson");
  expect(new Set(outside.slice(1, -1))).toEqual(new Set(["function"]));
});

test("install.ps1 calls no function that it does not define, and defines none that it does not call", () => {
  const defined = [...script.matchAll(/^function ([\w-]+)/gm)].map((match) => match[1] ?? "");
  // Some calls stand inside of strings, as $(…).
  const calls = script.replace(/^function [\w-]+/gm, "");
  for (const name of defined) expect([name, calls.includes(name)]).toEqual([name, true]);
  const called = [...calls.matchAll(/\b[A-Z]\w+-Neson\w*|\b[A-Z]\w+-Neson\b/g)].map((match) => match[0]);
  expect(called.filter((name) => !defined.includes(name))).toEqual([]);
});

test("install.ps1 checks the program's SHA-256 before it takes its place, and removes a wrong one", () => {
  const receive = bodyOf("Receive-NesonProgram");
  expect(receive).toMatch(/Get-FileHash -LiteralPath \$To -Algorithm SHA256/);
  expect(receive).toMatch(/if \(-not \$isRight\) \{\s*Remove-Item -LiteralPath \$To -Force\s*throw/);
  expect(receive).toContain("neson-windows-x64.exe");
  const install = bodyOf("Install-Neson");
  expect(install.indexOf("Receive-NesonProgram")).toBeGreaterThan(0);
  expect(install.indexOf("Receive-NesonProgram")).toBeLessThan(install.indexOf("Move-Item"));
});

test("install.ps1 installs for the user alone, starts at log-in, and writes nothing to the machine", () => {
  const places = bodyOf("Get-NesonPlaces");
  expect(places).toContain("Join-Path $env:LOCALAPPDATA 'Neson'");
  expect(places).toContain("GetFolderPath('Startup')");
  expect(script).not.toMatch(/HKLM|ProgramFiles|RunAs|Set-ExecutionPolicy|New-Service|schtasks/i);
});

test("install.ps1 uninstalls every file that it makes, and data only by name after asking", () => {
  const made = [...bodyOf("Get-NesonPlaces").matchAll(/^ {4}(\w+)\s*=/gm)].map((match) => match[1] ?? "");
  const uninstall = bodyOf("Uninstall-Neson");
  for (const place of made) expect([place, uninstall.includes(`$places.${place}`)]).toEqual([place, true]);
  expect(uninstall).toMatch(/\$IsPurged -or \(\(Read-NesonAnswer \$question 'no' \$IsAsked\) -eq 'yes'\)/);
  expect(uninstall).not.toContain("-Recurse");
  const removes = [...bodyOf("Remove-NesonData").matchAll(/'([a-z.-]+)'/g)].map((match) => match[1] ?? "");
  // The same list as install.sh has.
  const shell = readFileSync(join(ROOT, "packages/router/install/install.sh"), "utf8");
  const listed = /for file in ([^;]*);/.exec(shell)?.[1]?.split(" ") ?? [];
  expect(removes).toEqual(["objects", "partial", ...listed]);
});

test("both scripts set only settings that a Terminal reads", () => {
  const known = Object.values(terminalOptions).map((option) => option.env);
  const shell = readFileSync(join(ROOT, "packages/router/install/install.sh"), "utf8");
  const names =
    /^setting_names='([A-Z_ ]+)'$/m
      .exec(shell)?.[1]
      ?.split(" ")
      .map((name) => `NESON_TERMINAL_${name}`) ?? [];
  expect(names.length).toBeGreaterThan(5);
  for (const name of names) expect(known).toContain(name);
  for (const [name] of script.matchAll(/NESON_TERMINAL_[A-Z_]*[A-Z]/g)) expect(known).toContain(name);
});
