import { expect, test } from "bun:test";
import { webhookFields, webhookSecretOf } from "./webhook.ts";

test("webhookFields() signs as the published example of Standard Webhooks", () => {
  const message = { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", atSeconds: 1_614_265_330, body: '{"test": 2432232314}' };
  expect(webhookFields(message, ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])).toEqual({
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  });
});

test("webhookSecretOf() gives each site, network and rotation its own secret, the same every time", () => {
  const [a, b] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const secrets = [
    ...[webhookSecretOf(a, "shop", 1), webhookSecretOf(a, "blog", 1)],
    ...[webhookSecretOf(b, "shop", 1), webhookSecretOf(a, "shop", 2)],
  ];
  expect(new Set(secrets).size).toBe(4);
  expect(webhookSecretOf(a, "shop", 1)).toBe(secrets[0] ?? "");
  for (const secret of secrets) expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
});
