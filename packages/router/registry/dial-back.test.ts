import { expect, test } from "bun:test";
import { generateIdentity, type Identity } from "@neson/protocol/identity";
import { pingBytes } from "@neson/protocol/messages";
import { createDialBack } from "./dial-back.ts";
import type { Hello } from "./handshake.ts";

function helloFrom(identity: Identity, endpoint: string): Hello {
  const hardware = {
    platform: "linux",
    cpuModel: "x",
    cpuCores: 1,
    memoryBytes: 1,
    disk: { kind: "ssd" as const, totalBytes: 1, freeBytes: 1 },
    isSmall: false,
  };
  return { type: "hello", protocol: 1, publicKey: identity.publicKey, signature: "", endpoint, version: "1", hardware };
}

async function answering(
  respond: (nonce: string) => Response,
  check: (endpoint: string) => Promise<void>,
): Promise<void> {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => respond(new URL(request.url).pathname.replace("/v1/ping/", "")),
  });
  try {
    await check(`http://127.0.0.1:${server.port}`);
  } finally {
    await server.stop(true);
  }
}

const signedBy = (identity: Identity) => (nonce: string) =>
  Response.json({ publicKey: identity.publicKey, signature: identity.sign(pingBytes(nonce)) });

test("createDialBack() accepts an endpoint that signs the fresh nonce with the key of the hello", async () => {
  const identity = generateIdentity();
  const dialBack = createDialBack({ allowPrivateTerminals: true });
  await answering(signedBy(identity), async (endpoint) => {
    expect(await dialBack(helloFrom(identity, endpoint))).toBeUndefined();
  });
});

test("createDialBack() refuses an endpoint where another Terminal answers", async () => {
  const dialBack = createDialBack({ allowPrivateTerminals: true });
  await answering(signedBy(generateIdentity()), async (endpoint) => {
    const refused = await dialBack(helloFrom(generateIdentity(), endpoint));
    expect(refused?.message).toContain("another Terminal answers");
  });
});

test.each([
  ["a redirect", () => Response.redirect("http://127.0.0.1:1/")],
  ["an endless answer", () => new Response("x".repeat(100_000))],
  ["an error", () => new Response("no", { status: 500 })],
  ["no JSON", () => new Response("hello")],
])("createDialBack() refuses %s with a reason", async (_name, respond) => {
  const dialBack = createDialBack({ allowPrivateTerminals: true });
  await answering(respond, async (endpoint) => {
    const refused = await dialBack(helloFrom(generateIdentity(), endpoint));
    expect(refused?.code).toBe("unreachable-endpoint");
  });
});

test("createDialBack() never dials a private address unless that is allowed", async () => {
  const identity = generateIdentity();
  const dialBack = createDialBack({ allowPrivateTerminals: false });
  let dialled = 0;
  const counting = (nonce: string) => {
    dialled += 1;
    return signedBy(identity)(nonce);
  };
  await answering(counting, async (endpoint) => {
    expect((await dialBack(helloFrom(identity, endpoint)))?.code).toBe("bad-endpoint");
    expect(dialled).toBe(0);
  });
});
