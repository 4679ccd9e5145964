// The machine it runs on, the program, and what is to be told above everything else.
import { byId, make, say, sharesOf, whenChanged } from "./dom.browser.js";
import { countText, durationText, linkText, percentText, rateText, sizeText } from "./format.browser.js";

const DISK_KINDS = { ssd: "SSD", hdd: "hard disk", memory: "memory disk", network: "network disk", unknown: "disk" };
const LEVEL_NAMES = { error: "Fault", warning: "Warning", info: "Note" };

/** The line at the top: is it well? */
export function showState({ identity, connection, warnings, isLeaving, atMs }) {
  say("endpoint", identity.endpoint.replace(/^https?:\/\//, ""));
  document.title = `${connection.isConnected ? "" : "! "}${byId("endpoint").textContent} · NESON Terminal`;
  const upSeconds = (atMs - identity.startedAtMs) / 1000;
  const serving = upSeconds < 60 ? "Serving" : `Serving for ${durationText(upSeconds)}`;
  const isGrave = warnings.some(({ level }) => level === "error");
  const text = isLeaving ? "Leaving" : connection.isConnected ? serving : "Not connected";
  say("state-text", text);
  byId("state").className =
    `state ${isLeaving ? "leaving" : connection.isConnected ? (isGrave ? "grave" : "good") : "bad"}`;
}

export function showWarnings({ warnings }) {
  whenChanged("warnings", warnings, (box) => {
    if (warnings.length === 0) {
      const well = make("p", { class: "well" }, make("span", { class: "tick-mark", "aria-hidden": "true", text: "✓" }));
      well.append("Nothing needs you.");
      box.replaceChildren(well);
      return;
    }
    box.replaceChildren(
      ...warnings.map(({ level, message, remedy }) => {
        const head = make("p", {}, make("b", { class: "level", text: LEVEL_NAMES[level] }), ` ${message}`);
        return make("article", { class: `warning ${level}` }, head, make("p", { class: "remedy", text: remedy }));
      }),
    );
  });
}

export function showMachine({ hardware, load, storage, traffic }) {
  const sent = traffic.recent.bytes.slice(-5);
  const egress = sent.reduce((sum, bytes) => sum + bytes, 0) / Math.max(1, sent.length);
  const { disk, linkBitsPerSecond } = hardware;
  say("machine-aside", `${hardware.platform}${hardware.isSmall ? ", small" : ""}`);
  const freeShare = hardware.memoryBytes === 0 ? 0 : 1 - load.freeMemoryBytes / hardware.memoryBytes;
  const linkBytes = (linkBitsPerSecond ?? 0) / 8;
  const diskRate = disk.readBytesPerSecond;
  const rows = [
    ["Processor", `${percentText(load.cpuLoad)} of ${plainCores(hardware.cpuCores)}`, load.cpuLoad, hardware.cpuModel],
    ["Memory", `${sizeText(load.freeMemoryBytes)} free of ${sizeText(hardware.memoryBytes)}`, freeShare],
    [
      "Hot objects in memory",
      `${sizeText(storage.memoryBytes)} of ${sizeText(storage.memoryBudgetBytes)}`,
      storage.memoryBudgetBytes === 0 ? 0 : storage.memoryBytes / storage.memoryBudgetBytes,
      undefined,
      true,
    ],
    [
      "Link",
      linkBytes === 0
        ? `${rateText(egress)} sent, speed not known`
        : `${rateText(egress)} of ${linkText(linkBitsPerSecond)}`,
      linkBytes === 0 ? 0 : egress / linkBytes,
    ],
    [
      DISK_KINDS[disk.kind] === "SSD" ? "SSD" : DISK_KINDS[disk.kind].replace(/^./, (first) => first.toUpperCase()),
      `${sizeText(disk.freeBytes)} free of ${sizeText(disk.totalBytes)}`,
      disk.totalBytes === 0 ? 0 : 1 - disk.freeBytes / disk.totalBytes,
      diskRate === undefined ? "speed not measured yet" : speedsText(disk),
    ],
  ];
  whenChanged("machine", rows, (box) => box.replaceChildren(...rows.map(meterRow)));
}

function plainCores(cores) {
  return cores === 1 ? "one core" : `${countText(cores)} cores`;
}

function speedsText({ readBytesPerSecond, writeBytesPerSecond }) {
  const writes = writeBytesPerSecond === undefined ? "" : `, writes ${rateText(writeBytesPerSecond)}`;
  return `reads ${rateText(readBytesPerSecond)}${writes}`;
}

function meterRow([name, text, share, note, isFineFull]) {
  const level = isFineFull || share <= 0.85 ? "good" : share > 0.95 ? "over" : "tight";
  const head = make("p", { class: "track-head" }, make("b", { text: name }), make("span", { text }));
  const gauge = make("div", { class: "gauge", vars: sharesOf(share) });
  gauge.append(make("span", { class: "gauge-fill" }));
  const row = make("li", { class: level }, head, gauge);
  if (note !== undefined) row.append(make("p", { class: "note", text: note }));
  return row;
}

export function showProgram({ identity, release, warnings, connection, certificate }) {
  say(
    "program-aside",
    `version ${identity.version}, started ${new Date(identity.startedAtMs).toLocaleString("en-GB")}`,
  );
  const facts = [
    ["Terminal", identity.terminalId],
    ["Endpoint", identity.endpoint],
    ["Router", `${identity.routerUrl}${connection.isConnected ? "" : " (not connected)"}`],
    ["Data", identity.dataDir],
  ];
  if (certificate !== undefined)
    facts.push(["Certificate until", new Date(certificate.expiresAtMs).toLocaleDateString("en-GB")]);
  whenChanged("facts", facts, (box) =>
    box.replaceChildren(
      ...facts.map(([name, text]) => make("div", {}, make("dt", { text: name }), make("dd", { text }))),
    ),
  );
  const isNew = warnings.some(({ code }) => code === "update-available");
  const box = byId("update");
  box.hidden = !isNew;
  if (!isNew) return;
  whenChanged("update", release, () => {
    const agree = make("button", {
      type: "button",
      id: "agree",
      text: `Update to ${release.version}`,
      "data-version": release.version,
    });
    const text = make(
      "div",
      {},
      make("h3", { text: `What is new in ${release.version}` }),
      make("p", { text: release.notes || "The Router says nothing about it." }),
    );
    box.replaceChildren(text, agree);
  });
}
