import type { Ground, LineFault, Place } from "./line.ts";
import { trafficControl } from "./traffic-control.ts";

/** Where Terminals reach the Router; exists inside the test's own network namespace alone. */
const ROUTER_ADDRESS = "10.77.0.1";
const LISTEN_PORT = "8090";

/** Runs a command as root of user, network, mount and process namespaces that end with it, and everything in them. */
export const IN_NAMESPACES = [
  "unshare",
  "--user",
  "--map-root-user",
  "--net",
  "--mount",
  "--pid",
  "--fork",
  "--mount-proc",
  "--kill-child",
];

/** Shell commands that make such namespaces fit for `openNamespaceGround`. */
export const FIT_OUT = [
  // Private here: `ip netns` keeps its names below it.
  "mount -t tmpfs tmpfs /run && mkdir /run/netns",
  `ip link set lo up && ip address add ${ROUTER_ADDRESS}/32 dev lo`,
].join(" && ");

let hasBeenAsked: boolean | undefined;

/** Whether this machine lets this user have network namespaces with lines that can be spoiled. Where not, it prints once what is missing. */
export function mayUseNamespaces(): boolean {
  hasBeenAsked ??= ask();
  return hasBeenAsked;
}

function ask(): boolean {
  const trial = [
    FIT_OUT,
    "ip netns add trial && ip link add near type veth peer name far && ip link set far netns trial",
    ...trafficControl({ lossRatio: 0.5, rateBytesPerSecond: 20_000 }, { device: "near", listenPort: LISTEN_PORT }),
  ].join(" && ");
  const { exitCode, stderr } = Bun.spawnSync([...IN_NAMESPACES, "sh", "-c", trial], {
    stdout: "ignore",
    stderr: "pipe",
  });
  if (exitCode === 0) return true;
  const why = stderr.toString().trim().split("\n")[0] ?? "";
  console.error(
    `skipped: no network namespaces with spoiled lines here (${why}); it takes user namespaces, veth, htb and cls_bpf`,
  );
  return false;
}

/** Lines between network namespaces, one for each Terminal. Call it in namespaces that were made by `IN_NAMESPACES` and `FIT_OUT`. */
export function openNamespaceGround(): Ground {
  return {
    name: "between network namespaces",
    holdsBack: true,
    routerFlags: ["--control-host", ROUTER_ADDRESS],
    place: openPlace,
    [Symbol.asyncDispose]: async () => {},
  };
}

async function openPlace(number: number, controlUrl: string): Promise<Place> {
  const name = `terminal-${number}`;
  const [near, far] = [`near${number}`, `far${number}`];
  const [nearAddress, farAddress] = [`10.77.${number}.1`, `10.77.${number}.2`];
  const prefix = ["nsenter", `--net=/run/netns/${name}`];
  await shell(
    [],
    [
      `ip netns add ${name}`,
      `ip link add ${near} type veth peer name ${far}`,
      `ip link set ${far} netns ${name}`,
      `ip address add ${nearAddress}/24 dev ${near}`,
      `ip link set ${near} up`,
    ],
  );
  await shell(prefix, [
    "ip link set lo up",
    `ip address add ${farAddress}/24 dev ${far}`,
    `ip link set ${far} up`,
    `ip route add default via ${nearAddress}`,
  ]);
  const spoil = async (fault: LineFault) => {
    const { lossRatio } = fault;
    await shell(prefix, trafficControl(fault, { device: far, listenPort: LISTEN_PORT }));
    await shell(
      [],
      trafficControl(lossRatio === undefined ? {} : { lossRatio }, { device: near, listenPort: LISTEN_PORT }),
    );
  };
  return {
    line: { spoil },
    prefix,
    flags: { "listen-host": farAddress, "listen-port": LISTEN_PORT, router: controlUrl },
    [Symbol.asyncDispose]: () => shell([], [`ip netns delete ${name}`]),
  };
}

async function shell(prefix: string[], commands: string[]): Promise<void> {
  const child = Bun.spawn([...prefix, "sh", "-c", commands.join(" && ")], { stdout: "ignore", stderr: "pipe" });
  const [complaint, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (code !== 0) throw new Error(`${commands.join("; ")}: ${complaint}`);
}
