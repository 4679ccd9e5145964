// Shows which machine sent each file of this page. A redirect's last hop is told by `responseURL` (video segments, through hls.js)
// and `Response.url` (images and the download); nothing here needs anything of the network but plain HTTP.

const COLOURS = ["#d6336c", "#1c7ed6", "#2b8a3e", "#e8590c", "#7048e8", "#0c8599", "#a27b00", "#c2255c"];
const SEGMENTS = 12;
const SEGMENT_SECONDS = 2;

const KEPT_SEGMENTS = 1000;

/** The latest segments, as {url, host}: the URL the player asked for, and the machine that sent the bytes. For tests and the curious. */
const nesonSegments = [];
globalThis.nesonSegments = nesonSegments;

const byId = (id) => document.getElementById(id);
const sources = new Map();

/** Notes that `bytes` came from the machine of that URL, and gives the machine. */
function note(url, bytes) {
  const { host } = new URL(url);
  let source = sources.get(host);
  if (source === undefined) {
    const isRouter = host === location.host;
    const colour = isRouter
      ? ""
      : COLOURS[[...sources.values()].filter((other) => !other.isRouter).length % COLOURS.length];
    source = { host, isRouter, colour, files: 0, bytes: 0 };
    sources.set(host, source);
  }
  source.files += 1;
  source.bytes += bytes;
  drawSources();
  return source;
}

function element(name, className, text, colour) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  if (colour) made.style.setProperty("--of", colour);
  return made;
}

function sizeText(bytes) {
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(0)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

function label(source) {
  return source.isRouter ? `${source.host} (Router)` : source.host;
}

function drawSources() {
  const list = [...sources.values()].sort((a, b) => b.isRouter - a.isRouter || a.host.localeCompare(b.host));
  const most = Math.max(...list.map(({ bytes }) => bytes));
  byId("sources").replaceChildren(
    ...list.map((source) => {
      const row = element("li");
      const from = element("span", "from");
      from.append(element("span", "dot", undefined, source.colour), label(source));
      const files = source.files === 1 ? "1 file" : `${source.files} files`;
      const bar = element("span", "bar", undefined, source.colour);
      bar.style.width = `${Math.max(1, (100 * source.bytes) / most)}%`;
      row.append(from, element("span", "amount", `${sizeText(source.bytes)} · ${files}`), bar);
      return row;
    }),
  );
}

function playVideo() {
  const video = byId("video");
  const squares = Array.from({ length: SEGMENTS }, (_, index) => element("li", "", String(index + 1)));
  byId("segments").replaceChildren(...squares);
  const say = (text) => {
    byId("video-note").textContent = text;
  };
  video.addEventListener("timeupdate", () => {
    const now = Math.floor(video.currentTime / SEGMENT_SECONDS);
    for (const [index, square] of squares.entries()) square.classList.toggle("now", index === now);
  });
  const start = () => video.play().catch(() => say("Press play."));
  if (!globalThis.Hls?.isSupported()) {
    if (video.canPlayType("application/vnd.apple.mpegurl") === "") return say("This browser plays no HLS.");
    video.src = "/video/index.m3u8";
    say("Played by the browser itself, which does not tell where segments came from.");
    return start();
  }
  // Little is kept ahead and behind, so that each round of the loop fetches again.
  const hls = new Hls({ maxBufferLength: 6, maxMaxBufferLength: 6, backBufferLength: 2 });
  hls.on(Hls.Events.FRAG_LOADED, (_, { frag, networkDetails }) => {
    if (typeof frag.sn !== "number") return;
    const source = note(networkDetails.responseURL, frag.stats.loaded);
    nesonSegments.push({ url: frag.url, host: source.host });
    if (nesonSegments.length > KEPT_SEGMENTS) nesonSegments.shift();
    const square = squares[frag.sn];
    square.classList.add("come");
    square.style.setProperty("--of", source.colour || "var(--router)");
    square.title = `segment ${frag.sn + 1} from ${label(source)}`;
    say(`Segment ${frag.sn + 1} came from ${label(source)}.`);
  });
  hls.on(Hls.Events.ERROR, (_, { fatal, details }) => {
    if (fatal) say(`The video stopped: ${details}.`);
  });
  hls.on(Hls.Events.MANIFEST_PARSED, start);
  hls.loadSource("/video/index.m3u8");
  hls.attachMedia(video);
}

async function showImage(figure) {
  const caption = figure.querySelector("figcaption");
  try {
    const response = await fetch(figure.dataset.src);
    if (!response.ok) throw new Error(`status ${response.status}`);
    const blob = await response.blob();
    const source = note(response.url, blob.size);
    const image = element("img");
    image.alt = caption.textContent;
    image.src = URL.createObjectURL(blob);
    figure.prepend(image);
    const from = element("span", "from");
    from.append(element("span", "dot", undefined, source.colour), label(source));
    caption.append(from);
  } catch (error) {
    caption.append(` did not come: ${error.message}`);
  }
}

function offerDownload() {
  const path = "/download/large.bin";
  const site = location.origin;
  byId("shell").textContent = [
    "# follow the redirect to a Terminal",
    `curl -vL ${site}${path} -o large.bin`,
    "",
    "# several mirrors at once, checksum enforced",
    `aria2c -s3 -k1M ${site}${path}`,
  ].join("\n");
  byId("fetch").addEventListener("click", async () => {
    byId("fetch").disabled = true;
    try {
      await fetchAndCheck(path);
    } catch (error) {
      byId("download-note").textContent = `It did not come: ${error.message}`;
    }
    byId("fetch").disabled = false;
  });
}

async function fetchAndCheck(path) {
  const startedMs = performance.now();
  const wanted = (await (await fetch(`${path}.sha256`)).text()).slice(0, 64);
  const response = await fetch(path);
  if (!response.ok) throw new Error(`status ${response.status}`);
  const size = Number(response.headers.get("Content-Length"));
  const bytes = new Uint8Array(size);
  let have = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes.set(value, have);
    have += value.length;
    byId("progress").value = have / size;
  }
  const source = note(response.url, have);
  const rate = sizeText((have / (performance.now() - startedMs)) * 1000);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const found = [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const verdict = found === wanted ? "SHA-256 is right ✓" : "SHA-256 is WRONG: these are not the website's bytes";
  byId("download-note").textContent = `${sizeText(have)} from ${label(source)} at ${rate}/s; ${verdict}`;
}

playVideo();
for (const figure of document.querySelectorAll("figure[data-src]")) showImage(figure);
offerDownload();
