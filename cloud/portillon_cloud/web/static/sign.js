// A signature drawn with finger, pen or mouse, kept as strokes in a field of 1000 by 300. Without this script the name that
// is typed is enough.
"use strict";

for (const form of document.querySelectorAll("[data-signature]")) {
  const place = form.querySelector("[data-drawn]"), canvas = place.querySelector("canvas"), kept = form.elements.strokes;
  const pen = canvas.getContext("2d");
  let strokes = [], stroke = null;
  place.hidden = false;

  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    const held = (at, most) => Math.round(Math.min(most, Math.max(0, at)));
    return [held((event.clientX - box.left) / box.width * 1000, 1000), held((event.clientY - box.top) / box.height * 300, 300)];
  };
  const draw = () => {
    pen.clearRect(0, 0, 1000, 300);
    pen.lineWidth = 5; pen.lineCap = pen.lineJoin = "round"; pen.strokeStyle = "#142878";
    for (const points of strokes) { pen.beginPath(); points.forEach(([x, y]) => pen.lineTo(x, y)); pen.stroke(); }
    kept.value = strokes.length ? JSON.stringify(strokes) : "";
  };
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); stroke = [point(event)]; strokes.push(stroke); event.preventDefault(); });
  canvas.addEventListener("pointermove", (event) => { if (stroke) { stroke.push(point(event)); draw(); } });
  for (const over of ["pointerup", "pointercancel"]) canvas.addEventListener(over, () => { stroke = null; draw(); });
  place.querySelector("[data-clear]").addEventListener("click", () => { strokes = []; draw(); });
}
