// The chart of the last hour: reads samples, keeps them, and tells the values
// under the pointer or the arrow keys.

import { plot } from "./plot.js";
import { clockText } from "./times.js";

const keep = 360;

export function startChart(api, lost) {
  const box = document.getElementById("chart");
  const text = document.getElementById("chart-text");
  const circuit = document.getElementById("chart-circuit");
  const what = document.getElementById("chart-what");
  let past = null; // as the server sends it
  let drawn = null;
  let data = null;
  let at = -1; // sample that is read; -1: the newest
  let timer = 0;
  let asked = 0;

  async function load(fresh) {
    clearTimeout(timer);
    const mine = ++asked;
    try {
      if (!lost() && !document.hidden) {
        const after = fresh || !past?.times.length ? "" : `&after=${new Date(past.times.at(-1) * 1000).toISOString()}`;
        const answer = await fetch(`${api}/history?circuit=${encodeURIComponent(circuit.value)}${after}`);
        if (mine !== asked) return;
        if (answer.ok) {
          past = after ? joined(past, await answer.json()) : await answer.json();
          if (fresh) choose();
          draw();
        }
      }
    } catch {
      // The page says that the connection is lost.
    }
    if (mine === asked) timer = setTimeout(load, Math.min(10, Math.max(1, past?.every_seconds ?? 10)) * 1000);
  }

  // choose shows what the circuit has a limit in.
  function choose() {
    const limited = past.phases?.find((p) => p.limit_a.at(-1) !== null);
    if (what.value === "power" && past.limit_w?.at(-1) === null && limited) what.value = limited.phase;
  }

  function draw() {
    data = selected(past, what.value);
    if (data.t.length < 2) {
      text.textContent = `Nothing to show yet: there is a point every ${past?.every_seconds ?? 10} s once the sessions are known.`;
      box.replaceChildren();
      drawn = null;
      return;
    }
    drawn = plot(box, data, data.unit);
    read(at);
  }

  // read tells the values of one sample.
  function read(i) {
    at = i;
    if (!drawn) return;
    const k = i < 0 ? data.t.length - 1 : Math.min(i, data.t.length - 1);
    const cursor = drawn.svg.querySelector(".cursor");
    for (const end of ["x1", "x2"]) cursor.setAttribute(end, i < 0 ? -9 : drawn.x(data.t[k]));
    const n = (v) => `${v.toFixed(1)} ${data.unit}`;
    const limit = data.limit[k] === null ? "no limit" : `limit ${n(data.limit[k])}`;
    const state = data.states[k] === "normal" ? "" : `, state ${data.states[k]}`;
    text.textContent = `${clockText(data.t[k] * 1000)}: ${n(data.flow[k])} flow (other load ${n(data.base[k])}, chargers ${n(data.flow[k] - data.base[k])}), ${n(data.most[k])} may flow, ${limit}${state}`;
  }

  circuit.addEventListener("change", () => load(true));
  what.addEventListener("change", () => past && draw());
  box.addEventListener("pointermove", (e) => drawn && read(drawn.nearest(e.clientX - box.getBoundingClientRect().left)));
  box.addEventListener("pointerleave", () => read(-1));
  box.addEventListener("keydown", (e) => {
    if (!data || !drawn) return;
    const last = data.t.length - 1;
    const k = at < 0 ? last : at;
    const to = { ArrowLeft: k - 1, ArrowRight: k + 1, Home: 0, End: last, PageUp: k - 30, PageDown: k + 30 }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    text.setAttribute("aria-live", "polite");
    read(Math.max(0, Math.min(last, to)));
  });
  box.addEventListener("blur", () => {
    text.setAttribute("aria-live", "off");
    read(-1);
  });
  new ResizeObserver(() => past && draw()).observe(box);
  document.addEventListener("visibilitychange", () => document.hidden || load(false));
  load(true);
}

// joined appends newer samples to older ones.
function joined(old, fresh) {
  const add = (a, b) => {
    if (Array.isArray(a)) return typeof a[0] === "object" && a[0] !== null ? a.map((v, i) => add(v, b?.[i])) : a.concat(b ?? []).slice(-keep);
    if (a && typeof a === "object") return Object.fromEntries(Object.entries(a).map(([key, v]) => [key, add(v, b?.[key])]));
    return a;
  };
  return fresh.times.length ? add(old, fresh) : old;
}

// selected is what the chart shows of the samples.
function selected(past, what) {
  const phase = past.phases?.find((p) => p.phase === what);
  const [s, end, scale, unit] = phase ? [phase, "_a", 1, "A"] : [past, "_w", 1000, "kW"];
  const base = (s[`base_load${end}`] ?? []).map((v) => v / scale);
  const flow = (s[`measured${end}`] ?? []).map((v, i) => base[i] + v / scale);
  return {
    t: past.times ?? [],
    states: past.states ?? [],
    every: past.every_seconds,
    base,
    flow,
    most: (s[`committed${end}`] ?? []).map((v, i) => Math.max(flow[i], base[i] + v / scale)),
    limit: (s[`limit${end}`] ?? []).map((v) => (v === null ? null : v / scale)),
    unit,
  };
}
