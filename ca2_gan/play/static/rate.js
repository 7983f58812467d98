// The page of blind ratings: one image at a time, one key for each answer.
import { ask } from "./core/ask.js";
import { at, on } from "./core/page.js";
import { paint } from "./draw.js";

const ZOOM = 12;
const KEYS = { 1: "clear", 2: "marginal", 3: "nonsense", c: "clear", m: "marginal", n: "nonsense" };

let session, images, rated, isBusy = false;
/** What is asked for at the moment: "answer", "letter", or nothing more, "done". */
let stage = "answer";

const isLettered = () => session.classes.every((name) => [...name].length === 1);
const current = () => session.order.find((item) => !rated.has(item));
const last = () => [...rated.keys()].pop();

const send = (answer) => ask("answer", "json", answer);

/** One thing at a time; what fails is told. */
async function once(act) {
  if (isBusy) return;
  isBusy = true;
  try {
    await act();
    at("message").textContent = "";
  } catch (error) {
    at("message").textContent = error.message;
  }
  isBusy = false;
  show();
}

function show() {
  const item = stage === "letter" ? last() : current();
  if (item === undefined) stage = "done";
  at("progress").value = rated.size / session.order.length;
  at("count").textContent = `${rated.size} of ${session.order.length}`;
  at("undo").disabled = !rated.size;
  at("kinds").hidden = stage !== "answer";
  at("reading").hidden = stage !== "letter";
  at("done").hidden = stage !== "done";
  at("image").hidden = stage === "done";
  if (stage === "letter") at("letter").focus();
  if (stage === "done") return;
  const size = session.shape.reduce((a, b) => a * b, 1);
  const image = Float32Array.from(images.subarray(item * size, (item + 1) * size), (value) => value / 255);
  paint(at("image"), [image], { shape: session.shape, columns: 1, zoom: ZOOM });
}

const rate = (answer) => once(async () => {
  const item = current();
  await send({ item, answer, letter: null });
  rated.set(item, answer);
  at("letter").value = "";
  stage = "letter";
});

const read = () => once(async () => {
  const letter = at("letter").value.trim();
  if (letter) await send({ item: last(), answer: rated.get(last()), letter });
  stage = "answer";
  document.activeElement.blur();
});

const undo = () => once(async () => {
  const item = last();
  if (item === undefined) return;
  await send({ item, answer: null });
  rated.delete(item);
  stage = "answer";
  document.activeElement.blur();
});

function listen() {
  for (const button of at("kinds").children) button.addEventListener("click", () => rate(button.dataset.answer));
  on("reading", "submit", (event) => {
    event.preventDefault();
    read();
  });
  on("letter", "input", () => {
    if (isLettered() && at("letter").value.trim()) read();
  });
  on("undo", "click", undo);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (stage === "letter" && event.target === at("letter")) {
      if (event.key === "Backspace" && !at("letter").value) undo();
    } else if (event.key === "u") undo();
    else if (stage === "answer" && event.key in KEYS) {
      event.preventDefault(); // else the letter would be in the field that has the focus next
      rate(KEYS[event.key]);
    }
  });
}

async function start() {
  [session, images] = await Promise.all([ask("session.json", "json"), ask("images.bin")]);
  images = new Uint8Array(images);
  rated = new Map(session.answers.map(({ item, answer }) => [item, answer]));
  at("hint").textContent = isLettered() ? "Type it, or press Enter to skip." : `One of ${session.classes.join(", ")}; or press Enter to skip.`;
  listen();
  show();
}

start().catch((error) => (at("message").textContent = error.message));
