// plot draws the past of a circuit: other load, what the chargers drew, what
// they might have drawn, and the limit.

const ns = "http://www.w3.org/2000/svg";
const edge = { left: 46, right: 10, top: 22, bottom: 22 };
const shortest = 120; // seconds that the axis spans at least
const longest = 3600;

function add(parent, name, attributes, text) {
  const e = document.createElementNS(ns, name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  if (text !== undefined) e.textContent = text;
  parent.appendChild(e);
  return e;
}

// steps are round numbers from 0 to about max.
function steps(max, count) {
  const raw = max / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const out = [];
  for (let v = 0; v <= max * 1.0001; v += step) out.push(v);
  return out;
}

// runs splits indices where samples are missing.
function runs(t, every) {
  const out = [];
  let from = 0;
  for (let i = 1; i <= t.length; i++) {
    if (i === t.length || t[i] - t[i - 1] > 3 * every + 5) {
      out.push([from, i]);
      from = i;
    }
  }
  return out;
}

export function plot(box, data, unit) {
  const width = Math.max(240, box.clientWidth);
  const height = Math.max(140, box.clientHeight);
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("aria-hidden", "true");

  const { t } = data;
  const end = t[t.length - 1];
  const begin = end - Math.min(longest, Math.max(shortest, end - t[0]));
  const limits = data.limit.filter((v) => v !== null);
  const top = Math.max(1, ...limits, ...data.most, ...data.flow) * 1.08;
  const x = (at) => edge.left + ((at - begin) / (end - begin)) * (width - edge.left - edge.right);
  const y = (v) => height - edge.bottom - (v / top) * (height - edge.top - edge.bottom);

  const clip = add(svg, "clipPath", { id: "plot-area" });
  add(clip, "rect", { x: edge.left, y: 0, width: width - edge.left - edge.right, height: height - edge.bottom });
  const area = add(svg, "g", { "clip-path": "url(#plot-area)" });

  bands(area, data, x, height);
  const grid = add(svg, "g", { class: "grid" });
  for (const v of steps(top, height < 200 ? 3 : 5)) {
    add(grid, "line", { x1: edge.left, x2: width - edge.right, y1: y(v), y2: y(v) });
    add(grid, "text", { x: edge.left - 6, y: y(v) + 4, "text-anchor": "end" }, `${+v.toFixed(1)}`);
  }
  add(grid, "text", { x: edge.left - 6, y: 11, "text-anchor": "end" }, unit);
  timeAxis(grid, begin, end, x, width, height);
  const lines = add(svg, "g", { "clip-path": "url(#plot-area)" });

  for (const [from, to] of runs(t, data.every)) {
    layer(area, "base", data, x, y, from, to, () => 0, (i) => data.base[i]);
    layer(area, "drawn", data, x, y, from, to, (i) => data.base[i], (i) => data.flow[i]);
    layer(area, "rest", data, x, y, from, to, (i) => data.flow[i], (i) => data.most[i]);
    line(lines, "most", data, x, y, from, to, data.most);
    line(lines, "flow", data, x, y, from, to, data.flow);
    line(lines, "limit", data, x, y, from, to, data.limit);
  }
  for (let i = 0; i < t.length; i++) {
    if (data.limit[i] !== null && data.flow[i] > data.limit[i] + 0.05) {
      add(lines, "rect", { class: "past", x: x(t[i]) - 1.5, width: 3, y: y(data.flow[i]), height: Math.max(2, y(data.limit[i]) - y(data.flow[i])) });
    }
  }
  const oldest = data.limit[0];
  if (oldest !== null) add(grid, "text", { x: Math.max(edge.left, x(t[0])) + 5, y: y(oldest) - 5, class: "tag" }, "limit");
  add(svg, "line", { class: "cursor", x1: -9, x2: -9, y1: edge.top, y2: height - edge.bottom });
  box.replaceChildren(svg);
  return { x, nearest: (px) => nearest(t, x, (px / box.clientWidth) * width), svg };
}

function bands(area, { t, states, every }, x, height) {
  for (let i = 0; i < t.length; i++) {
    if (states[i] === "normal") continue;
    const from = i;
    while (i + 1 < t.length && states[i + 1] === states[from]) i++;
    const right = i + 1 < t.length ? t[i + 1] : t[i] + every;
    const band = add(area, "rect", { class: `band ${states[from]}`, x: x(t[from]), width: Math.max(1, x(right) - x(t[from])), y: 0, height });
    add(band, "title", {}, `State ${states[from]}`);
  }
}

function timeAxis(grid, begin, end, x, width, height) {
  const every = [15, 30, 60, 120, 300, 600, 900].find((s) => (end - begin) / s <= width / 80) ?? 1200;
  const text = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", ...(every < 60 && { second: "2-digit" }), hour12: false });
  for (let at = Math.ceil(begin / every) * every; at <= end; at += every) {
    if (x(at) > width - edge.right - 14 || x(at) < edge.left + 14) continue;
    add(grid, "text", { x: x(at), y: height - 6, "text-anchor": "middle" }, text.format(new Date(at * 1000)));
  }
}

function layer(area, name, { t }, x, y, from, to, low, high) {
  let up = "";
  let down = "";
  for (let i = from; i < to; i++) {
    up += `${i === from ? "M" : "L"}${x(t[i]).toFixed(1)} ${y(high(i)).toFixed(1)}`;
    down = `L${x(t[i]).toFixed(1)} ${y(low(i)).toFixed(1)}${down}`;
  }
  add(area, "path", { class: name, d: `${up}${down}Z` });
}

function line(area, name, { t }, x, y, from, to, values) {
  let d = "";
  let pen = false;
  for (let i = from; i < to; i++) {
    if (values[i] === null) {
      pen = false;
      continue;
    }
    const px = x(t[i]).toFixed(1);
    const py = y(values[i]).toFixed(1);
    d += pen ? (name === "limit" ? `H${px}V${py}` : `L${px} ${py}`) : `M${px} ${py}`;
    pen = true;
  }
  if (d) add(area, "path", { class: `line ${name}`, d });
}

function nearest(t, x, px) {
  let best = 0;
  for (let i = 1; i < t.length; i++) {
    if (Math.abs(x(t[i]) - px) < Math.abs(x(t[best]) - px)) best = i;
  }
  return best;
}
