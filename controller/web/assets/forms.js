// What an operator sets. The token is asked for when it is needed, and kept in
// this tab until the tab is closed.

import { now } from "./times.js";

const tokenKey = "headroom-token";

export function startForms(api) {
  document.addEventListener("submit", (e) => {
    const form = e.target;
    const kind = form.dataset.form;
    if (kind !== "limit" && kind !== "override") return;
    e.preventDefault();
    const request = kind === "limit" ? limitOf(form) : overrideOf(form);
    submit(api, form.querySelector("output"), request, form.querySelector("button.primary"), () => kind === "limit" && form.reset());
  });
  document.addEventListener("click", (e) => {
    const button = e.target.closest("button[data-do]");
    if (button) actions[button.dataset.do]?.(api, button);
    const close = e.target.closest("button[data-close]");
    if (close) close.closest("dialog").close("cancel");
  });
}

const actions = {
  async "end-limit"(api, button) {
    const name = button.dataset.name;
    if (!(await confirm(`End the limit ${name}?`, "The circuit then follows its other limits at once.", "End limit"))) return;
    submit(api, null, { method: "DELETE", path: `/limits/${encodeURIComponent(name)}` }, button);
  },
  "end-override"(api, button) {
    const form = button.closest("form");
    submit(api, form.querySelector("output"), { method: "DELETE", path: `/sessions/${encodeURIComponent(form.dataset.session)}` }, button);
  },
  async mode(api, button) {
    const { mode } = button.dataset;
    const asked =
      mode === "observe"
        ? confirm("Only observe this site?", "No order is sent any more. The chargers keep the limits they have; nobody reduces them when the load rises.", "Only observe")
        : confirm("Begin to send orders?", "Headroom then lowers and raises the limits of the chargers of this site.", "Send orders");
    if (await asked) submit(api, null, { method: "PUT", path: "/mode", body: { mode } }, button);
  },
};

function number(form, name) {
  const v = form.elements[name].value.trim();
  return v === "" ? undefined : Number(v);
}

function limitOf(form) {
  const f = form.elements;
  const from = f.from.value ? Date.parse(f.from.value) : now();
  const body = {
    circuit: f.circuit.value,
    [f.unit.value]: number(form, "value"),
    until: new Date(from + Number(f.for.value) * 60000).toISOString(),
    fallback_kw: number(form, "fallback"),
  };
  if (f.from.value) body.from = new Date(from).toISOString();
  return { method: "PUT", path: `/limits/${encodeURIComponent(f.name.value)}`, body };
}

function overrideOf(form) {
  const f = form.elements;
  const body = { tier: number(form, "tier"), weight: number(form, "weight") };
  body[form.dataset.unit === "A" ? "max_amps" : "max_kw"] = number(form, "max");
  if (f.for.value) body.until = new Date(now() + Number(f.for.value) * 60000).toISOString();
  return { method: "PUT", path: `/sessions/${encodeURIComponent(form.dataset.session)}`, body };
}

// submit sends a request and says how it went.
async function submit(api, output, request, button, done) {
  const say = (text, bad) => {
    if (output) {
      output.textContent = text;
      output.classList.toggle("bad", Boolean(bad));
    } else if (bad) {
      confirm("That did not work", text, "Close", true);
    }
  };
  button.disabled = true;
  try {
    const answer = await send(api, request);
    if (!answer) return say("Not sent: no token was given.", true);
    if (!answer.ok) return say(await reason(answer), true);
    say("Done.");
    done?.();
  } catch {
    say("Headroom can not be reached.", true);
  } finally {
    button.disabled = false;
  }
}

async function reason(answer) {
  const { error } = await answer.json().catch(() => ({}));
  return error ? `Refused: ${error}` : `Refused (${answer.status})`;
}

// send asks for the token as often as it is wrong. It answers nothing when
// the operator gives up.
async function send(api, { method, path, body }) {
  let token = sessionStorage.getItem(tokenKey);
  if (!token && document.documentElement.hasAttribute("data-locked") && !(token = await askToken())) return null;
  for (;;) {
    const headers = { "Content-Type": "application/json" };
    if (token) headers.Authorization = `Bearer ${token}`;
    const answer = await fetch(api + path, { method, headers, body: body && JSON.stringify(body) });
    if (answer.status !== 401) {
      if (token) sessionStorage.setItem(tokenKey, token);
      return answer;
    }
    sessionStorage.removeItem(tokenKey);
    if (!(token = await askToken())) return null;
  }
}

async function askToken() {
  const dialog = document.getElementById("token");
  const input = dialog.querySelector("input");
  input.value = "";
  return (await opened(dialog)) ? input.value : "";
}

function confirm(question, text, ok, only) {
  const dialog = document.getElementById("confirm");
  document.getElementById("confirm-h").textContent = question;
  document.getElementById("confirm-text").textContent = text;
  document.getElementById("confirm-ok").textContent = ok;
  dialog.querySelector('button[value="cancel"]').hidden = Boolean(only);
  return opened(dialog);
}

// opened shows a dialog and tells whether it was closed by its button.
function opened(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "ok"), { once: true }));
}
