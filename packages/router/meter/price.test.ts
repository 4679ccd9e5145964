import { expect, test } from "bun:test";
import fc from "fast-check";
import { payableBytes } from "./price.ts";

const amount = fc.nat(1_000_000);

test("payableBytes() never pays a ticket or its group above the ceiling, in whatever order claims come", () => {
  const claims = fc.array(fc.record({ nonce: fc.nat(3), claimedBytes: amount }), { maxLength: 30 });
  fc.assert(
    fc.property(amount, claims, (maxBytes, sequence) => {
      const paid = [0, 0, 0, 0];
      for (const { nonce, claimedBytes } of sequence) {
        const groupPaidBytes = paid.reduce((sum, bytes) => sum + bytes, 0);
        const added = payableBytes({ claimedBytes, maxBytes, alreadyPaidBytes: paid[nonce] ?? 0, groupPaidBytes });
        expect(added).toBeGreaterThanOrEqual(0);
        paid[nonce] = (paid[nonce] ?? 0) + added;
      }
      expect(paid.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(maxBytes);
    }),
  );
});

test("payableBytes() pays a repeated claim nothing and a grown one the difference", () => {
  const claim = { maxBytes: 100, groupPaidBytes: 40, alreadyPaidBytes: 40 };
  expect(payableBytes({ ...claim, claimedBytes: 40 })).toBe(0);
  expect(payableBytes({ ...claim, claimedBytes: 70 })).toBe(30);
  expect(payableBytes({ ...claim, claimedBytes: 10 })).toBe(0);
});
