// The live page: the server says which panel changed and sends its new HTML. Focus and open tables survive the exchange.
"use strict";

const line = document.querySelector("[data-live-url]");

function show(on) {
  if (line.dataset.live === (on ? "on" : "off") && line.dataset.said) return;
  line.dataset.live = on ? "on" : "off";
  line.dataset.said = "1";
  line.querySelector("[data-live-word]").textContent = on ? line.dataset.on : line.dataset.off;
}

function exchange(panel, html) {
  const focused = panel.contains(document.activeElement) ? document.activeElement.id : "";
  const open = [...panel.querySelectorAll("details[open][id]")].map((details) => details.id);
  const known = new Set([...panel.querySelectorAll("[data-key]")].map((row) => row.dataset.key));
  panel.innerHTML = html; // rendered and escaped by our own server, same origin
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  for (const row of panel.querySelectorAll("[data-key]")) if (!known.has(row.dataset.key)) row.classList.add("arrived");
}

if (line) {
  const source = new EventSource(line.dataset.liveUrl);
  source.addEventListener("panel", (event) => {
    const { name, html, version } = JSON.parse(event.data);
    const panel = document.querySelector(`[data-panel="${name}"]`);
    if (!panel || panel.dataset.version === version) return;
    panel.dataset.version = version;
    exchange(panel, html);
  });
  source.addEventListener("hello", () => show(true));
  source.addEventListener("over", () => { source.close(); location.assign("/sign-in"); });
  source.addEventListener("error", () => {
    show(false);
    // The browser gives up for good on an answer that is no stream (a restart behind a proxy); ask for the page again.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000);
  });
}
