import { afterEach, expect, test } from "bun:test";
import { z } from "zod";
import { openApi, read } from "./api-client.ts";

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A stand-in for a Router that answers as it is told and keeps what it was asked. */
function router(answer: (request: { method: string; url: string }) => Response) {
  const asked: { target: string; headers: Headers; text: string }[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url);
      asked.push({ target: pathname + search, headers: request.headers, text: await request.text() });
      return answer(request);
    },
  });
  cleanups.push(() => server.stop(true));
  return { api: openApi({ url: `http://127.0.0.1:${server.port}/`, key: "k" }), asked };
}

test("call() sends key, query and body, and gives the JSON, or nothing for an empty answer", async () => {
  const { api, asked } = router(({ method }) =>
    method === "DELETE" ? new Response(null, { status: 204 }) : Response.json({ ok: true }),
  );
  const sent = { query: { limit: 5, cursor: undefined }, body: { a: 1 }, headers: { "Idempotency-Key": "x" } };
  expect(await api.call("POST", "/purges", sent)).toEqual({ ok: true });
  expect(await api.call("DELETE", "/sites/a")).toBeUndefined();
  const [first] = asked;
  expect([first?.target, first?.text]).toEqual(["/api/v1/purges?limit=5", '{"a":1}']);
  expect([first?.headers.get("authorization"), first?.headers.get("idempotency-key")]).toEqual(["Bearer k", "x"]);
});

test("list() reads every page", async () => {
  const { api } = router(({ url }) => {
    const cursor = new URL(url).searchParams.get("cursor");
    return Response.json(cursor === null ? { items: [1, 2], nextCursor: "c" } : { items: [3] });
  });
  expect(await api.list("/items", "items", z.number())).toEqual([1, 2, 3]);
});

test("a refusal is told in the Router's words, with its code", async () => {
  const { api } = router(() => Response.json({ code: "no-such-site", detail: "no site is named x" }, { status: 404 }));
  expect(api.call("GET", "/sites/x")).rejects.toMatchObject({
    ...{ code: "router-refused", message: "no site is named x", details: { status: 404, code: "no-such-site" } },
  });
  expect(await api.find("/sites/x")).toBeUndefined();
});

test("stream() gives lines as they come", async () => {
  const { api } = router(() => new Response('{"a":1}\n{"a":2}\n'));
  expect(await (await api.stream("/logs")).text()).toBe('{"a":1}\n{"a":2}\n');
});

test("what is no Router, and a Router that is not there, are named", async () => {
  const { api } = router(() => new Response("<html>"));
  expect(api.call("GET", "/status")).rejects.toThrow("does not answer as a Router's control listener does");
  const nobody = openApi({ url: "http://127.0.0.1:1", key: "k" });
  expect(nobody.call("GET", "/status")).rejects.toMatchObject({ code: "router-down" });
  expect(() => read(z.object({ a: z.number() }), { a: "x" })).toThrow("(a)");
});
