// morph makes an element like another one and keeps what it can: the elements
// themselves, and with them the focus, what is open, and what was typed.

export function morph(from, to) {
  if (!alike(from, to)) {
    from.replaceWith(to);
    return to;
  }
  if (from.nodeType === Node.TEXT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return from;
  }
  if (from.nodeType !== Node.ELEMENT_NODE) return from;
  attributes(from, to);
  // What a form answered, and the words of a time, are made here, not there.
  if (from.nodeName === "OUTPUT" || from.nodeName === "TIME") return from;
  children(from, to);
  return from;
}

function alike(a, b) {
  if (a.nodeName !== b.nodeName) return false;
  // A form belongs to its session: what was typed for one is not for the next.
  return a.nodeType !== Node.ELEMENT_NODE || a.dataset.session === b.dataset.session;
}

function attributes(from, to) {
  for (const { name, value } of [...to.attributes]) {
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  for (const { name } of [...from.attributes]) {
    // Whether a details element is open is the reader's choice.
    if (!to.hasAttribute(name) && !(name === "open" && from.nodeName === "DETAILS")) from.removeAttribute(name);
  }
}

// children goes through both lists side by side. Where they differ, what is too
// much in the longer one is added or taken away.
function children(from, to) {
  const wanted = [...to.childNodes];
  const had = [...from.childNodes];
  let h = 0;
  for (let w = 0; w < wanted.length; w++) {
    const want = wanted[w];
    while (h < had.length && !alike(had[h], want) && had.length - h > wanted.length - w) had[h++].remove();
    if (h === had.length) {
      from.appendChild(want);
    } else if (!alike(had[h], want) && wanted.length - w > had.length - h) {
      from.insertBefore(want, had[h]);
    } else {
      morph(had[h++], want);
    }
  }
  while (h < had.length) had[h++].remove();
}
