import { expect, test } from "bun:test";
import { selfSigned } from "./testing/self-signed.ts";
import { checkTlsPair, type TlsPair } from "./tls-pair.ts";

const NOW_MS = Date.UTC(2030, 0, 15);
const good = selfSigned("a.test", Date.UTC(2030, 0, 10), Date.UTC(2030, 0, 20));
const other = selfSigned("b.test", Date.UTC(2030, 0, 10), Date.UTC(2030, 0, 20));

test("checkTlsPair() takes a certificate with its key", () => {
  checkTlsPair(good, NOW_MS);
  checkTlsPair({ cert: `${good.cert}${other.cert}`, key: good.key }, NOW_MS);
});

test("checkTlsPair() says which of the two is wrong, and how", () => {
  const bad: [TlsPair, number, RegExp][] = [
    [{ ...good, cert: "hello" }, NOW_MS, /the certificate is not PEM/],
    [{ ...good, cert: good.key }, NOW_MS, /the certificate is not PEM/],
    [{ ...good, cert: good.cert.replace(/\n[A-Za-z]{8}/, "\nAAAAAAAA") }, NOW_MS, /the certificate is damaged/],
    [{ ...good, key: "hello" }, NOW_MS, /the key is not PEM/],
    [{ ...good, key: good.key.replace(/\n[A-Za-z]{3}/, "\nAAA") }, NOW_MS, /the key is damaged/],
    [{ ...good, key: other.key }, NOW_MS, /the key does not fit the certificate/],
    [good, Date.UTC(2030, 0, 21), /\(CN=a\.test\) expired on Jan 20 /],
    [good, Date.UTC(2030, 0, 9), /\(CN=a\.test\) is valid from Jan 10 /],
  ];
  for (const [pair, nowMs, message] of bad) {
    expect(() => checkTlsPair(pair, nowMs)).toThrow(
      expect.objectContaining({ code: "bad-tls", fault: "operator", message: expect.stringMatching(message) }),
    );
  }
});
