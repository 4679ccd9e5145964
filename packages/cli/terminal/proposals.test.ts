import { expect, test } from "bun:test";
import { listenHostFor, proposedEndpoint, proposedQuota } from "./proposals.ts";

const FACTS = {
  router: "http://router.example.com:8081",
  listenPort: 8090,
  addresses: ["127.0.0.1", "192.168.1.5", "fe80::1", "93.184.215.14", "2606:4700::1111"],
  hostname: "attic",
};

test("proposedEndpoint() takes the first public address, or else the host's name", () => {
  expect(proposedEndpoint(FACTS)).toBe("http://93.184.215.14:8090");
  expect(proposedEndpoint({ ...FACTS, addresses: ["10.0.0.1", "2606:4700::1111"] })).toBe(
    "http://[2606:4700::1111]:8090",
  );
  expect(proposedEndpoint({ ...FACTS, addresses: ["10.0.0.1"] })).toBe("http://attic:8090");
});

test("proposedEndpoint() stays on loopback when the Router is there", () => {
  for (const router of ["http://127.0.0.1:8081", "http://localhost:1", "http://[::1]:8081"]) {
    expect(proposedEndpoint({ ...FACTS, router })).toBe("http://127.0.0.1:8090");
  }
});

test.each([
  ["http://127.0.0.2:8090", "127.0.0.2"],
  ["http://localhost:8090", "127.0.0.1"],
  ["http://[::1]:8090", "::1"],
  ["https://t1.example.net", "0.0.0.0"],
  ["http://127.example.net", "0.0.0.0"],
  ["http://[2606:4700::1111]:8090", "::"],
])("listenHostFor(%s) is %s", (endpoint, host) => {
  expect(listenHostFor(endpoint)).toBe(host);
});

test("proposedQuota() is at most half of what is free", () => {
  expect(proposedQuota(430e9)).toBe("200GB");
});
