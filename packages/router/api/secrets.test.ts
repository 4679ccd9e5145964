import { expect, test } from "bun:test";
import { silentLog } from "@neson/kit/log";
import { openTestApi } from "./testing.ts";

const SIGNING_SECRET = "signing-secret-0123456789";
const FILMS = {
  ...{ name: "films", hosts: ["films.test"], origin: "https://origin.test" },
  access: { signing: { paths: ["/paid/*"], keys: [{ id: "key-1", secret: SIGNING_SECRET }] } },
};

test("secrets of keys are in no table, no log and no record; those of sites only where the site itself is kept", async () => {
  const logged: string[] = [];
  const note = (...parts: unknown[]) => void logged.push(JSON.stringify(parts));
  const log = { ...silentLog, error: note, warn: note, info: note, debug: note } as typeof silentLog;
  await using api = await openTestApi({ log });
  const once = (key: string) => ({ "Idempotency-Key": key });
  const grant = { name: "deploy", scopes: ["sites:write"] };
  const first = (await api.call("POST", "/keys", { body: grant, headers: once("1") })).json.secret as string;
  const rotate = { body: {}, headers: once("2") };
  const second = (await api.call("POST", `/keys/${first.split("_")[1]}/rotate`, rotate)).json.secret as string;
  await api.call("POST", "/sites", { key: second, body: FILMS, headers: once("3") });
  await api.call("PATCH", "/sites/films", { key: first, body: { access: { maxBodyBytes: 5 } }, headers: once("4") });
  const misplaced = { ...FILMS, access: { signing: { ...FILMS.access.signing, [SIGNING_SECRET]: true } } };
  await api.call("POST", "/sites", { key: second, body: misplaced, headers: once("5") });
  await api.call("GET", `/sites/${SIGNING_SECRET.slice(0, 3)}`, { key: `${first}x` });
  await api.call("DELETE", "/sites/films", { key: second });
  await api.call("POST", "/sites", { key: second, body: FILMS });

  const audit = (await api.call("GET", "/audit")).text;
  expect(audit).toContain("addSite");
  const tables = await api.tables();
  const bytes = JSON.stringify(tables);
  expect(bytes).toContain(first.split("_")[1] ?? "");
  for (const secret of [first, second]) {
    const private_ = secret.slice(-43);
    for (const place of [bytes, audit, logged.join("\n")]) expect(place).not.toContain(private_);
  }
  for (const place of [audit, logged.join("\n")]) expect(place).not.toContain(SIGNING_SECRET);
  const holding = tables.filter(({ rows }) => JSON.stringify(rows).includes(SIGNING_SECRET));
  expect(holding.map(({ name }) => name)).toEqual(["sites"]);
});
