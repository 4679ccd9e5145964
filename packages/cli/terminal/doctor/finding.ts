/** What one check found. */
export interface Finding {
  /** Of the check; stable, for programs. */
  name: string;
  /** `skipped`: it could not be tried, and `text` says why. */
  state: "ok" | "warn" | "fail" | "skipped";
  /** One sentence without its full stop. */
  text: string;
  /** How to mend it; with `warn` and `fail`. */
  remedy?: string;
}

/** Nothing wrong. */
export function ok(name: string, text: string): Finding {
  return { name, state: "ok", text };
}

/** It works, but not as well as it could. */
export function warn(name: string, text: string, remedy: string): Finding {
  return { name, state: "warn", text, remedy };
}

/** It does not work, or soon will not. */
export function fail(name: string, text: string, remedy: string): Finding {
  return { name, state: "fail", text, remedy };
}

/** It could not be tried. */
export function skipped(name: string, text: string): Finding {
  return { name, state: "skipped", text };
}
