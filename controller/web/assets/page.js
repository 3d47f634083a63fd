// The page: the server sends the parts that changed, and a beat every two
// seconds. When the beats stay away, what is shown is old, and the page says so.

import { morph } from "./morph.js";
import { clockText, duration, now, setClock, writeTimes } from "./times.js";
import { startChart } from "./chart.js";
import { startForms } from "./forms.js";

const root = document.documentElement;
const lostAfter = 5000; // milliseconds without a beat
const retryAfter = 2000;
const restAfter = 60000; // a hidden page lets go of its stream

let stream = null;
let heard = 0; // when the last beat came, by performance.now()
let heardAt = 0; // the same by the clock of the server
let rest = 0;

function connect() {
  clearTimeout(rest);
  stream?.close();
  const s = new EventSource(root.dataset.live);
  stream = s;
  s.addEventListener("beat", (e) => beat(JSON.parse(e.data)));
  s.addEventListener("parts", (e) => update(JSON.parse(e.data)));
  s.onerror = () => {
    s.close();
    if (stream !== s) return;
    stream = null;
    setTimeout(() => stream || document.hidden || connect(), retryAfter);
  };
}

function beat({ now: serverNow, assets, parts }) {
  heard = performance.now();
  heardAt = serverNow;
  setClock(serverNow);
  // Another version of the program, or another configuration.
  if (assets !== root.dataset.assets || parts !== document.querySelectorAll("[data-part]").length) reload();
  show();
}

// reload loads the page again, but not over and over.
function reload() {
  const last = Number(sessionStorage.getItem("headroom-reloaded"));
  if (Date.now() - last < 10000) return;
  sessionStorage.setItem("headroom-reloaded", Date.now());
  location.reload();
}

function update(parts) {
  for (const { id, html } of parts) {
    const have = document.getElementById(id);
    if (!have) continue; // the next beat sees it
    const box = document.createElement("template");
    box.innerHTML = html;
    const fresh = morph(have, box.content.firstElementChild);
    writeTimes(fresh);
  }
  title();
}

function title() {
  const text = document.getElementById("now")?.dataset.title;
  if (text) document.title = `${lost() ? "Lost – " : ""}${text} – Headroom`;
}

function lost() {
  return heard > 0 && performance.now() - heard > lostAfter;
}

// show says whether the page is live.
function show() {
  const gone = lost();
  const wasGone = root.classList.contains("stale");
  root.classList.toggle("stale", gone);
  document.getElementById("lost").hidden = !gone;
  const link = document.getElementById("link");
  link.classList.toggle("live", heard > 0 && !gone);
  const word = gone ? "Lost" : heard > 0 ? "Live" : "Connecting";
  const text = document.getElementById("link-text");
  if (text.textContent !== word) text.textContent = word;
  if (gone) {
    document.getElementById("lost-text").textContent =
      `${duration(performance.now() - heard)} ago, at ${clockText(heardAt)}. What you see is the state at that time. Trying to reconnect …`;
  }
  if (gone !== wasGone) title();
}

function start() {
  root.classList.add("js");
  heard = performance.now();
  heardAt = now();
  writeTimes();
  title();
  connect();
  setInterval(() => {
    writeTimes();
    show();
  }, 1000);
  document.addEventListener("visibilitychange", () => {
    clearTimeout(rest);
    if (document.hidden) {
      rest = setTimeout(() => {
        stream?.close();
        stream = null;
      }, restAfter);
    } else if (!stream) {
      connect();
    }
  });
  if (root.dataset.api) {
    startChart(root.dataset.api, lost);
    startForms(root.dataset.api);
  }
}

start();
