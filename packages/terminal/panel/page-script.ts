/** A file of the page's script: an ES module that imports named things from files before it, and exports declarations. */
export interface ScriptFile {
  /** As the others import it: "./format.browser.js". */
  name: string;
  text: string;
}

const IMPORT = /^import \{([^}]*)\} from "([^"]+)";$/gm;
const EXPORT = /^export (?=(?:async )?(?:function|const|let|class) (\w+))/gm;

/**
 * Joins modules into one script, each in a scope of its own, in the order given. No more of module syntax is understood than the page
 * uses; whatever else of it is there fails at the page's first test.
 */
export function joinScripts(files: ScriptFile[]): string {
  const scopes = files.map(({ name, text }) => {
    const names = [...text.matchAll(EXPORT)].map((match) => match[1]);
    const body = text
      .replace(IMPORT, (_, imported: string, from: string) => `const {${imported}} = modules[${JSON.stringify(from)}];`)
      .replace(EXPORT, "");
    return `modules[${JSON.stringify(name)}] = (() => {\n${body}\nreturn { ${names.join(", ")} };\n})();`;
  });
  return `"use strict";\nconst modules = {};\n${scopes.join("\n")}\n`;
}
