import { expect, test } from "bun:test";
import { requirePrograms } from "./requirements.ts";

test("requirePrograms() names every missing program and its Debian package", () => {
  const find = (program: string) => (program === "wrk" ? "/usr/bin/wrk" : null);
  expect(() => requirePrograms(["nginx", "varnishd", "wrk"], find, 2)).toThrow(
    "not found: nginx, varnishd. On Debian: apt-get install nginx-light varnish",
  );
});

test("requirePrograms() wants a core for the server and one for the load", () => {
  expect(() => requirePrograms(["wrk"], () => "/x", 1)).toThrow("needs two cores");
  expect(() => requirePrograms(["wrk"], () => "/x", 2)).not.toThrow();
});
