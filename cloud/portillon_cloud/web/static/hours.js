// The picture of a week beside its fields: it follows what is typed, and drawing over it writes the fields. The fields are
// the truth and are enough: without a pointer, or without this script, nothing is missing.
"use strict";

const DAY = 1440, STEP = 30, SVG = "http://www.w3.org/2000/svg";
const form = document.querySelector("[data-hours]");
const days = [...form.querySelectorAll(".week-form input")].map((input) => ({ input, bar: input.previousElementSibling.querySelector("svg") }));

const minute = (hour, rest) => Number(hour) * 60 + Number(rest || 0);
const spell = (at) => { const of = at > DAY ? at - DAY : at; return `${Math.floor(of / 60)}:${String(of % 60).padStart(2, "0")}`; };

function read(text) {
  const spans = [];
  for (const part of text.toLowerCase().split(/[,;]|\s(?:and|et)\s/).map((one) => one.trim()).filter(Boolean)) {
    const found = /^(\d{1,2})(?:[:h.](\d{2})|h)?\s*(?:[-–—]|to|à)\s*(\d{1,2})(?:[:h.](\d{2})|h)?$/.exec(part);
    if (!found) return null;
    const begin = minute(found[1], found[2]), end = minute(found[3], found[4]);
    if (begin >= DAY || end > DAY) return null;
    spans.push([begin, end > begin ? end : end + DAY]);
  }
  return spans.sort((a, b) => a[0] - b[0]);
}

function rects(group, spans) {
  group.replaceChildren(...spans.map(([begin, end]) => {
    const rect = document.createElementNS(SVG, "rect");
    for (const [name, value] of Object.entries({ x: begin, width: end - begin, height: 20 })) rect.setAttribute(name, value);
    return rect;
  }));
}

function draw() {
  const week = days.map(({ input }) => read(input.value));
  days.forEach(({ input, bar }, index) => {
    const own = week[index], before = week[(index + 6) % 7] || [];
    if (own === null) input.setAttribute("aria-invalid", "true"); else input.removeAttribute("aria-invalid");
    if (own === null) return;
    rects(bar.querySelector(".week-open"), own.map(([begin, end]) => [begin, Math.min(end, DAY)]));
    rects(bar.querySelector(".week-spilt"), before.filter(([, end]) => end > DAY).map(([, end]) => [0, end - DAY]));
  });
}

function painted(spans, from, until, opens) {
  const kept = spans.flatMap(([begin, end]) => [[begin, Math.min(end, from)], [Math.max(begin, until), end]]).filter(([begin, end]) => begin < end);
  if (opens) kept.push([from, until]);
  kept.sort((a, b) => a[0] - b[0]);
  return kept.reduce((joined, [begin, end]) => {
    const last = joined[joined.length - 1];
    if (last && begin <= last[1]) last[1] = Math.max(last[1], end); else joined.push([begin, end]);
    return joined;
  }, []).map(([begin, end]) => [begin, Math.min(end, begin + DAY)]);
}

days.forEach(({ input, bar }) => {
  let stroke = null;
  const step = (event) => { const box = bar.getBoundingClientRect(); return Math.min(DAY / STEP - 1, Math.max(0, Math.floor((event.clientX - box.left) / box.width * (DAY / STEP)))); };
  const show = (event) => {
    const to = step(event), from = Math.min(stroke.at, to) * STEP, until = (Math.max(stroke.at, to) + 1) * STEP;
    input.value = painted(stroke.spans, from, until, stroke.opens).map(([begin, end]) => `${spell(begin)}-${spell(end)}`).join(", ");
    draw();
  };
  bar.addEventListener("pointerdown", (event) => {
    const spans = read(input.value);
    if (spans === null) return;
    const at = step(event);
    stroke = { at, spans, opens: !spans.some(([begin, end]) => begin <= at * STEP && at * STEP < end) };
    bar.setPointerCapture(event.pointerId);
    event.preventDefault();
    show(event);
  });
  bar.addEventListener("pointermove", (event) => { if (stroke) show(event); });
  for (const end of ["pointerup", "pointercancel"]) bar.addEventListener(end, () => { stroke = null; });
  input.addEventListener("input", draw);
  bar.classList.add("week-drawn");
});
draw();
