// A square to drag in: two numbers at once.

/**
 * @param {HTMLElement} pad focusable; its first child is moved
 * @param {number} most the numbers go from -most to most
 * @param {(x: number, y: number) => void} changed
 * @returns {(x: number, y: number) => void} shows other numbers
 */
export function makePad(pad, most, changed) {
  const knob = pad.firstElementChild;
  let at = [0, 0];
  const show = (x, y) => {
    at = [x, y].map((value) => Math.min(most, Math.max(-most, value)));
    knob.style.left = `${50 + (50 * at[0]) / most}%`;
    knob.style.top = `${50 - (50 * at[1]) / most}%`;
    pad.setAttribute("aria-valuenow", at[0].toFixed(1));
    pad.setAttribute("aria-valuetext", `across ${at[0].toFixed(1)}, up ${at[1].toFixed(1)}`);
  };
  const set = (x, y) => {
    show(x, y);
    changed(...at);
  };
  const drag = (event) => {
    const box = pad.getBoundingClientRect();
    set(((event.clientX - box.left) / box.width - 0.5) * 2 * most, (0.5 - (event.clientY - box.top) / box.height) * 2 * most);
  };
  pad.addEventListener("pointerdown", (event) => {
    pad.setPointerCapture(event.pointerId);
    drag(event);
  });
  pad.addEventListener("pointermove", (event) => {
    if (pad.hasPointerCapture(event.pointerId)) drag(event);
  });
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  pad.addEventListener("keydown", (event) => {
    if (event.key === "Home") set(0, 0);
    else if (event.key in steps) set(at[0] + (steps[event.key][0] * most) / 15, at[1] + (steps[event.key][1] * most) / 15);
    else return;
    event.preventDefault();
  });
  show(0, 0);
  return show;
}
