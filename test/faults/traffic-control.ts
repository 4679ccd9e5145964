import type { LineFault } from "./line.ts";

const BITS = 8;
/** As good as no limit. */
const FULL_RATE = "10gbit";
/** Packets that wait where there is a limit: not so many that every heartbeat waits for seconds. */
const QUEUED_PACKETS = 20;
const RANDOM_RANGE = 2 ** 32;
/** Classic BPF: the word at this place is a random number (linux/filter.h, SKF_AD_OFF + SKF_AD_RANDOM). */
const RANDOM_WORD = 2 ** 32 - 0x1000 + 56;

/**
 * Shell commands that give a network device a fault in what leaves by it, in place of the former one.
 *
 * Made of a hierarchical token bucket rather than of `netem`, which fewer kernels have: class 10 carries what passes, class 20 has no room, so that
 * what a filter sends there is lost. `delayMs` is not done here.
 */
export function trafficControl(
  fault: LineFault,
  { device, listenPort }: { device: string; listenPort: string },
): string[] {
  const { rateBytesPerSecond, lossRatio = 0, isMute = false } = fault;
  const rate = rateBytesPerSecond === undefined ? FULL_RATE : `${rateBytesPerSecond * BITS}bit`;
  const commands = [
    // There is none at first.
    `{ tc qdisc delete dev ${device} root 2>/dev/null || true; }`,
    `tc qdisc add dev ${device} root handle 1: htb default 10`,
    `tc class add dev ${device} parent 1: classid 1:10 htb rate ${rate} quantum 1500`,
    `tc class add dev ${device} parent 1: classid 1:20 htb rate ${FULL_RATE} quantum 1500`,
    `tc qdisc add dev ${device} parent 1:20 handle 20: pfifo limit 0`,
  ];
  if (rateBytesPerSecond !== undefined)
    commands.push(`tc qdisc add dev ${device} parent 1:10 handle 10: pfifo limit ${QUEUED_PACKETS}`);
  if (lossRatio > 0) {
    // Load a random word; if it is at least the bound, match nothing, else match.
    const program = [
      `32 0 0 ${RANDOM_WORD}`,
      `53 0 1 ${Math.round(lossRatio * RANDOM_RANGE)}`,
      "6 0 0 0",
      "6 0 0 4294967295",
    ];
    commands.push(
      `tc filter add dev ${device} parent 1: protocol ip prio 1 bpf bytecode "${program.length},${program.join(",")}" flowid 1:20`,
    );
  }
  if (isMute) {
    commands.push(
      `tc filter add dev ${device} parent 1: protocol ip prio 2 u32 match ip protocol 6 0xff match ip sport ${listenPort} 0xffff flowid 1:20`,
    );
  }
  return commands;
}
