import installPs1 from "../install/install.ps1" with { type: "text" };
import installSh from "../install/install.sh" with { type: "text" };

/** What stands in the scripts for the URL of the Router that gives them out. */
const PLACEHOLDER = "@ROUTER_URL@";
/** Nothing that a shell or PowerShell could read as more than text, even outside of quotes. */
const PLAIN_URL = /^https?:\/\/(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:\/[A-Za-z0-9._~-]+)*\/?$/;

const SCRIPTS: ReadonlyMap<string, string> = new Map([
  ["/install.sh", installSh],
  ["/install.ps1", installPs1],
]);

/** Paths at which a Router gives out its install scripts. */
export function isInstallScript(path: string): boolean {
  return SCRIPTS.has(path);
}

/**
 * The install script of that path, which downloads from the Router at `controlUrl`. Undefined when the URL has characters that do not belong into
 * a script (the operator chose it, but a script is run by others).
 */
export function installScript(path: string, controlUrl: string): string | undefined {
  const script = SCRIPTS.get(path);
  if (script === undefined || !PLAIN_URL.test(controlUrl)) return undefined;
  return script.replaceAll(PLACEHOLDER, controlUrl.replace(/\/$/, ""));
}
