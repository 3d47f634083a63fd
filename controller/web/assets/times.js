// Times in words. The clock of the server counts, not that of the browser.

let offset = 0; // milliseconds to add to the browser's clock

export function setClock(serverNow) {
  offset = serverNow - Date.now();
}

export function now() {
  return Date.now() + offset;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

export function clockText(ms) {
  const d = new Date(ms);
  const text = clock.format(d);
  return new Date(now()).toDateString() === d.toDateString() ? text : `${day.format(d)} ${text}`;
}

// duration writes milliseconds in the two largest units that matter.
export function duration(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  const h = Math.floor(s / 3600);
  if (h < 48) return `${h} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(h / 24)} days`;
}

// countdown writes what is left as a clock does: 42:10 min, 1:02:10 h.
function countdown(ms) {
  const s = Math.max(0, Math.ceil(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600);
  if (h >= 48) return `${Math.floor(h / 24)} days`;
  const m = Math.floor((s % 3600) / 60);
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)} h` : `${m}:${two(s % 60)} min`;
}

const forms = {
  clock: (at) => clockText(at),
  age: (at) => `${duration(now() - at)} ago`,
  since: (at) => duration(now() - at),
  left: (at) => countdown(at - now()),
};

// writeTimes brings the words of all times up to date.
export function writeTimes(root = document) {
  for (const t of root.querySelectorAll("time[data-as]")) {
    const at = Date.parse(t.dateTime);
    const text = forms[t.dataset.as]?.(at);
    if (text && t.textContent !== text) t.textContent = text;
  }
}
