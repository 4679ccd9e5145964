import net, { type AddressInfo, type Socket } from "node:net";
import { canListen, freePort, terminalHosts } from "../../packages/cli/up/hosts.ts";
import { type Course, Flow } from "./flow.ts";
import type { Ground, LineFault, Place } from "./line.ts";

/** Lines through TCP proxies in this process: for machines that let nobody make network namespaces, and for what only a proxy can do. */
export function openProxyGround(): Ground {
  const nothing = { routerFlags: [], [Symbol.asyncDispose]: async () => {} };
  return { name: "by proxy", holdsBack: false, place: openPlace, ...nothing };
}

async function openPlace(number: number, controlUrl: string): Promise<Place> {
  const host = (await terminalHosts(number))[number - 1] ?? { listen: "127.0.0.1", name: "127.0.0.1" };
  const flow = new Flow(number);
  // Connections of this machine's own begin at ports of 127.0.0.1: where there is another address, nobody comes in between.
  const listenHost = (await canListen(`127.0.1.${number}`, 0)) ? `127.0.1.${number}` : "127.0.0.1";
  const listenPort = await freePort(listenHost, 0);
  const router = new URL(controlUrl);
  const toTerminal = { host: listenHost, port: listenPort };
  const toRouter = { host: router.hostname, port: Number(router.port) };
  const viewers = await openProxy(host.listen, toTerminal, flow, { isViewers: true });
  const control = await openProxy("127.0.0.1", toRouter, flow, { isViewers: false });
  const endpoint = `http://${host.name}:${viewers.port}`;
  return {
    line: { spoil: async (fault: LineFault) => flow.spoil(fault) },
    prefix: [],
    flags: {
      "listen-host": listenHost,
      "listen-port": String(listenPort),
      endpoint,
      router: `http://127.0.0.1:${control.port}`,
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([viewers.close(), control.close()]);
    },
  };
}

interface Proxy {
  port: number;
  close(): Promise<void>;
}

async function openProxy(
  host: string,
  target: { host: string; port: number },
  flow: Flow,
  { isViewers }: { isViewers: boolean },
): Promise<Proxy> {
  const open = new Set<Socket>();
  const server = net.createServer((near) => {
    const far = net.connect(target);
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => open.delete(socket));
    }
    // The other way round it is not so: what a Terminal sent before it closed may still have a slow way to go.
    near.on("close", () => far.destroy());
    void join(near, far, flow, isViewers);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function join(near: Socket, far: Socket, flow: Flow, isViewers: boolean): Promise<void> {
  await flow.open({ isOutward: false, isViewers });
  await Promise.all([
    carry(near, far, flow, { isOutward: false, isViewers }),
    carry(far, near, flow, { isOutward: true, isViewers }),
  ]);
}

/** One direction of a connection. What is read waits here; what is not read yet waits with its sender. */
async function carry(from: Socket, to: Socket, flow: Flow, course: Course): Promise<void> {
  try {
    for await (const chunk of from as AsyncIterable<Uint8Array>) {
      await flow.enter(course);
      for (const slice of flow.slices(chunk)) {
        await flow.pass(slice.length, course);
        if (to.destroyed) return;
        if (!to.write(slice)) await drained(to);
      }
    }
    to.end();
  } catch {
    to.destroy();
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off("drain", done);
      socket.off("close", done);
      resolve();
    };
    socket.on("drain", done);
    socket.on("close", done);
  });
}
