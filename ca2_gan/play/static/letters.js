// The page of letters: what is on it, and what each control does.
import { ask, once } from "./core/ask.js";
import { offerLessons } from "./core/lesson.js";
import { at, made, on, save } from "./core/page.js";
import { columnsFor, paint } from "./draw.js";
import { gif, png } from "./export.js";
import { JudgePanel } from "./judge-panel.js";
import { makePad } from "./pad.js";
import { newestOnly, Runner } from "./runner.js";
import { DIRECTIONS, Writer } from "./writer.js";

const MOST = 3; // standard deviations along a direction
const FRAMES = 24, DELAY = 60;
const NARROWEST = 40; // pixels of the page that a letter gets at least
const FILE_COLUMNS = 24;
const INKS = { dark: [20, 20, 24], light: [255, 255, 255] };

const runner = new Runner(new Worker("worker.js", { type: "module" }));
const writer = new Writer(runner);
const judge = new JudgePanel(runner, tell, () => shown);
let models = [], shown = [], playing = 0;
const sentences = new Map();

/** Says something on the page; each place of it has one sentence at a time. */
function tell(sentence, place = "page") {
  sentences.set(place, sentence);
  at("message").textContent = [...new Set(sentences.values())].filter(Boolean).join(" ");
}

const how = (canvas, count) => ({ shape: writer.model.shape, columns: columnsFor(count, canvas.parentElement.clientWidth - 32, NARROWEST) });
const inFile = (count) => ({ shape: writer.model.shape, columns: Math.min(count, writer.isWall ? 8 : FILE_COLUMNS) });

const writeWord = newestOnly(async () => {
  const { letters, sentence } = writer.letters(at("text").value, writer.seed);
  tell(sentence, "text");
  shown = await writer.write(letters);
  paint(at("word"), shown, how(at("word"), Math.max(1, shown.length)));
  at("word").setAttribute("aria-label", writer.isWall ? "Samples of the model" : `Written by the model: ${at("text").value}`);
  if (!Number.isNaN(runner.milliseconds)) at("facts").textContent = `${runner.milliseconds.toFixed(1)} ms an image`;
  judge.follow(letters.map((letter) => letter && (writer.model.classes[letter.label] ?? "sample")));
  tell("", "network");
}, (error) => {
  shown = [];
  paint(at("word"), shown, how(at("word"), 1));
  tell(error.message, "network");
});

function bothWords() {
  const from = writer.letters(at("text").value, writer.seed), to = writer.letters(at("other").value || at("text").value, writer.otherSeed);
  tell(to.sentence, "other");
  return [from.letters, to.letters];
}

const writeMorph = newestOnly(async () => {
  const [from, to] = bothWords();
  const morphed = await writer.morph(from, to, Number(at("share").value));
  at("share-value").textContent = `${Math.round(100 * at("share").value)} %`;
  paint(at("morph"), morphed, how(at("morph"), Math.max(1, morphed.length)));
  tell("", "morph");
}, (error) => {
  stop();
  tell(error.message, "morph");
});

function write() {
  at("scale-value").textContent = Number(at("scale").value).toFixed(2);
  writeWord();
  writeMorph();
}

/** Goes on with the morph, there and back, as long as it plays. */
async function play() {
  let way = Number(at("share").value), step = 1 / FRAMES;
  const mine = ++playing;
  while (mine === playing) {
    if (way + step > 1 || way + step < 0) step = -step;
    way += step;
    at("share").value = way;
    await writeMorph();
    await new Promise((resolve) => setTimeout(resolve, DELAY));
  }
}

function stop() {
  playing++;
  at("play").textContent = "Play";
  at("play").setAttribute("aria-pressed", "false");
}

async function saveGif() {
  const [from, to] = bothWords(), frames = [];
  for (let i = 0; i <= FRAMES; i++) frames.push(await writer.morph(from, to, i / FRAMES));
  const there = [...frames, ...frames.slice(1, -1).reverse()];
  save("morph.gif", gif(there, { ...inFile(frames[0].length), zoom: 2 }, DELAY), "image/gif");
}

async function saveWord(ink, name) {
  save(name, await png(shown, { ...inFile(Math.max(1, shown.length)), zoom: 8, ink }), "image/png");
}

const showPad = makePad(at("pad"), MOST, (x, y) => setAmounts([x, y, ...writer.amounts.slice(2)]));

function setAmounts(amounts) {
  writer.amounts = amounts;
  showPad(amounts[0], amounts[1]);
  amounts.forEach((amount, k) => (at(`direction-${k}`).value = amount));
  write();
}

function makeSliders() {
  for (let k = 0; k < DIRECTIONS; k++) {
    const slider = Object.assign(made("input"), { type: "range", id: `direction-${k}`, min: -MOST, max: MOST, step: 0.1, value: 0, ariaLabel: `Direction ${k + 1}` });
    slider.addEventListener("input", () => setAmounts(writer.amounts.map((amount, i) => (i === k ? Number(slider.value) : amount))));
    at("sliders").append(made("label", `${k + 1}`, slider));
  }
}

const directionsOf = once(async (key) => new Float32Array(await ask(`models/${key}/directions.bin`)));

async function choose(model) {
  Object.assign(writer, { model, moment: null, directions: null });
  tell("The model is being made ready …", "network");
  for (const id of ["text-label", "other-label"]) at(id).hidden = writer.isWall;
  if (!writer.isWall && !writer.letters(at("text").value, 0).letters.length) {
    const between = model.classes.every((name) => name.length === 1) ? "" : ",";
    at("text").value = model.classes.slice(0, 8).join(between);
    at("other").value = model.classes.slice(-8).join(between);
  }
  at("learned").hidden = model.kept.length < 2;
  at("moment").max = Math.max(0, model.kept.length - 1);
  at("moment").value = at("moment").max;
  if (model.kept.length) showMoment(); // of the whole strip, the last
  judge.choose(model);
  try {
    const found = await directionsOf(model.key);
    if (writer.model === model) writer.directions = found;
    tell("", "directions");
  } catch (error) {
    tell(error.message, "directions");
  }
  write();
}

function showMoment() {
  const { kept } = writer.model, place = Number(at("moment").value);
  writer.moment = at("learned").hidden ? null : kept[place];
  at("moment-value").textContent = `after ${kept[place].toLocaleString("en")} images`;
  at("moment").setAttribute("aria-valuetext", at("moment-value").textContent);
}

function listen() {
  on("model", "change", () => choose(models[at("model").selectedIndex]));
  on("text", "input", write);
  on("again", "click", () => {
    writer.seed += 2;
    write();
  });
  on("scale", "input", () => {
    writer.scale = Number(at("scale").value);
    write();
  });
  on("centre", "click", () => setAmounts(Array(DIRECTIONS).fill(0)));
  on("other", "input", writeMorph);
  on("other-again", "click", () => {
    writer.otherSeed += 2;
    writeMorph();
  });
  on("share", "input", () => {
    stop();
    writeMorph();
  });
  on("play", "click", () => {
    if (at("play").getAttribute("aria-pressed") === "true") return stop();
    at("play").textContent = "Stop";
    at("play").setAttribute("aria-pressed", "true");
    return play();
  });
  on("moment", "input", () => {
    showMoment();
    write();
  });
  const wrong = (error) => tell(error.message, "network");
  on("save-png", "click", () => saveWord(null, "word.png").catch(wrong));
  on("save-ink", "click", () => saveWord(INKS[at("ink").value], "word-ink.png").catch(wrong));
  on("save-gif", "click", () => saveGif().catch(wrong));
  addEventListener("resize", write);
}

async function start() {
  const [found, lessons] = await Promise.all([ask("models.json", "json"), ask("lessons.json", "json")]);
  models = found;
  at("model").append(...models.map((model) => new Option(model.name, model.key)));
  const showLesson = offerLessons(lessons, () => writer.model && write());
  makeSliders();
  listen();
  const asked = new URLSearchParams(location.hash.slice(1)).get("lesson");
  if (Object.hasOwn(lessons, asked)) {
    at("lesson").value = asked;
    showLesson();
  }
  await choose(models[0]);
}

start().catch((error) => tell(error.message));
