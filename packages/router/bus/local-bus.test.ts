import { test } from "bun:test";
import { createLocalNetwork } from "./local-bus.ts";
import { BUS_DEPS, checkComingAndGoing, checkDelivery, checkFailures } from "./testing/bus-contract.ts";

test("a local bus delivers notices and signals to all others, in order", async () => {
  const network = createLocalNetwork(BUS_DEPS);
  await checkDelivery((routerId) => network.join(routerId));
});

test("a local bus has everything read again when a notice fails, or its sender could not say all", async () => {
  const network = createLocalNetwork(BUS_DEPS);
  await checkFailures((routerId) => network.join(routerId));
});

test("a local bus lets Routers come and go", async () => {
  const network = createLocalNetwork(BUS_DEPS);
  await checkComingAndGoing((routerId) => network.join(routerId));
});
