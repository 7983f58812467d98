// The page: puts the parts together.

import { fetchAgent, optimal, simple, trainedHere } from "./agents.js";
import { ask, once } from "./core/ask.js";
import { offerLessons } from "./core/lesson.js";
import { at, on, save } from "./core/page.js";
import { drawCurves, toCsv } from "./curves.js";
import { Episode } from "./episode.js";
import { filmOf } from "./film.js";
import { ValuePicture } from "./map.js";
import { ValueTable } from "./optimum.js";
import { DT, MAX_SPEED, STEPS, WORLD, clip, drawStart, wrap } from "./physics.js";
import { CONTROLS, makeControls, parseSetting } from "./settings.js";
import { readAddress, toAddress, toSafetensors } from "./share.js";
import { OURS, PRESETS } from "./train.js";
import { colours, drawBars, drawMap, drawPendulum, drawTorques, placeOf, surface } from "./view.js";

const SLOWDOWN = 5;
const PAUSE_BETWEEN_MS = 1500;
const PUSH = 2.5;
const UNITS = { g: "m/s²", m: "kg", l: "m" };
const HERE = "here";

const page = {
  world: { ...WORLD }, held: 0, random: Math.random, isPaused: false, table: null, tableId: 0,
  names: ["", "none"], acting: [], episodes: [], entries: [], ended: 0, settings: { ...OURS },
  points: [], network: null, isTraining: false, hasBegun: false, generation: 0, picture: null, pictureOf: null, drag: null,
};
const choices = simple(page);

// --- Messages

function say(text) { at("message").textContent = text; }

// --- Workers

const solver = new Worker("worker.js", { type: "module" }), trainer = new Worker("worker.js", { type: "module" });
for (const worker of [solver, trainer]) worker.addEventListener("error", (event) => say(`A computation failed: ${event.message ?? "no worker could be started"}. Reload the page.`));

let solving = 0;

/** Asks for the optimum of the world as it is; until it is there, regret is greyed. */
function solve() {
  page.table = null;
  page.tableId++;
  at("optimum-state").textContent = "Computing the optimum …";
  clearTimeout(solving);
  solving = setTimeout(() => solver.postMessage({ kind: "optimum", id: page.tableId, world: page.world }), 200);
  show();
}

solver.addEventListener("message", ({ data: { id, fields } }) => {
  if (id !== page.tableId) return;
  page.table = new ValueTable(fields);
  at("optimum-state").textContent = `Optimum: about ±${fields.accuracy.toFixed(1)}, computed in ${fields.seconds.toFixed(1)} s.`;
  renew("optimal");
  page.pictureOf = null;
  // Without the table, the optimal policy could not act
  if (page.names.includes("optimal")) begin();
  show();
});

trainer.addEventListener("message", ({ data }) => {
  if (data.generation !== page.generation) return;
  page.points.push(...data.points);
  page.network = data.network;
  renew(HERE);
  const exploration = data.network.isNoisy
    ? `mean |sigma| of the layers: ${data.network.sigmas.map((sigma) => sigma.toFixed(3)).join(", ")}`
    : `epsilon ${data.epsilon.toFixed(2)}`;
  at("progress").textContent = `${data.steps.toLocaleString("en")} steps, ${data.isRunning ? `${Math.round(data.rate).toLocaleString("en")} a second` : "paused"}; ${exploration}`;
  if (page.names[0] === HERE) page.pictureOf = null;
  drawCurves(at("curves"), page.points, colours());
});

// --- Who acts

const idle = (label) => ({ label, act: () => 0 });

/** Agents that the page makes itself, as they are now. */
const computed = {
  optimal: (label = "Optimal policy") => page.table ? optimal(label, page.table) : idle(label),
  [HERE]: (label = "Trained here") => page.network ? trainedHere(label, page.network) : idle(label),
};

function renew(name) {
  for (const n of [0, 1]) if (page.names[n] === name) page.acting[n] = computed[name]();
}

/** Makes an agent act, on the left (0) or beside it (1). */
async function choose(n, name) {
  page.names[n] = name;
  remember();
  try {
    const agent = await load(name);
    if (page.names[n] !== name) return;
    page.acting[n] = agent;
    if (agent) say("");
  } catch (error) {
    if (page.names[n] !== name) return;
    page.acting[n] = n ? null : choices.zero;
    say(error.message);
  }
  page.pictureOf = null;
  begin();
}

const fetched = once((name) => fetchAgent(page.entries.find((entry) => entry.name === name)));

async function load(name) {
  if (name === "none") return null;
  if (name in choices) return choices[name];
  if (name in computed) return computed[name]();
  return fetched(name);
}

function fillAgents() {
  const options = [
    ...page.entries.map(({ name, label }) => [name, label]), ["optimal", "Optimal policy"], [HERE, "The DQN trained on this page"],
    ...Object.entries(choices).map(([name, { label }]) => [name, label]),
  ];
  at("agent").append(...options.map(([name, label]) => new Option(label, name)));
  at("second").append(new Option("nobody", "none"), ...options.map(([name, label]) => new Option(label, name)));
}

const isKnown = (name) => [...at("agent").options].some((option) => option.value === name);

// --- Episodes

function startState() {
  const kind = at("start").value;
  if (kind === "hanging") return { theta: Math.PI, speed: 0 };
  if (kind === "upright") return { theta: 0.05, speed: 0 };
  return drawStart(page.random);
}

/** A new episode for all who act, from the same start. */
function begin(start = startState()) {
  page.episodes = page.acting.filter(Boolean).map(() => new Episode(start));
  page.ended = 0;
  show();
}

function advance() {
  const agents = page.acting.filter(Boolean);
  page.episodes.forEach((episode, n) => {
    if (episode.isOver) return;
    const { theta, speed } = episode.state;
    episode.advance(agents[n].act(theta, speed, episode.left), page.world);
  });
  if (page.episodes.every((episode) => episode.isOver)) page.ended = performance.now();
  show();
}

/** A push is a change of speed; a new episode begins there. */
function push(change) {
  const { theta, speed } = page.episodes[0].state;
  begin({ theta: wrap(theta), speed: clip(speed + change, MAX_SPEED) });
}

/** A push of the weight to the left or the right, which is another turn below the pivot than above. */
function pushAside(isLeft, { state } = page.episodes[0]) {
  push(isLeft === Math.cos(state.theta) > 0 ? PUSH : -PUSH);
}

// --- Showing

const round = (value) => value.toFixed(1).replace(/^-0\.0$/, "0.0");

function show() {
  if (!page.episodes.length) return;
  const colour = colours(), agents = page.acting.filter(Boolean), { context, width, height } = surface(at("pendulum"));
  page.episodes.forEach((episode, n) => {
    const place = placeOf(n, page.episodes.length, width, height, page.world.l);
    const label = page.episodes.length > 1 ? agents[n].label : "";
    drawPendulum(context, place, episode.state.theta, episode.torques.at(-1) ?? 0, page.world.m, colour, label);
  });
  drawTorques(at("torque"), page.episodes, colour);
  showNumbers(agents);
  showBars(agents[0], colour);
  showMap(colour);
}

function showNumbers(agents) {
  for (const n of [0, 1]) {
    const episode = page.episodes[n];
    for (const name of ["name", "time", "return", "best", "regret"]) at(`${name}-${n}`).hidden = !episode;
    if (!episode) continue;
    at(`name-${n}`).textContent = agents[n].label;
    at(`time-${n}`).textContent = `${episode.time}`;
    at(`return-${n}`).textContent = round(episode.return);
    at(`best-${n}`).textContent = page.table ? round(episode.best(page.table)) : "…";
    at(`regret-${n}`).textContent = page.table ? round(episode.regret(page.table)) : "…";
    for (const name of ["best", "regret"]) at(`${name}-${n}`).classList.toggle("pending", !page.table);
  }
}

function showBars(agent, colour) {
  const episode = page.episodes[0], { theta, speed } = episode.state, found = agent.bars?.(theta, speed, episode.left) ?? null;
  drawBars(at("bars"), found, colour);
  at("bars-text").textContent = found
    ? `Highest ${round(Math.max(...found.values))}, lowest ${round(Math.min(...found.values))}; torques in N m.`
    : "This agent has no Q-values.";
  at("sigmas").textContent = agent.sigmas?.length ? `Noise left, mean |sigma| of each layer: ${agent.sigmas.map((sigma) => sigma.toFixed(3)).join(", ")}.` : "";
}

/** The picture of values is begun again when whose it is has changed. */
function showMap(colour) {
  const wanted = at("map-of").value === "agent" && page.acting[0]?.value ? page.acting[0] : null, { table } = page;
  const source = wanted ?? table;
  if (page.pictureOf !== source && source) {
    const before = page.picture?.picture, value = wanted ? wanted.value : (theta, speed) => table.value(theta, speed, STEPS);
    page.picture = new ValuePicture(value, wanted?.isSlow ? 45 : 61);
    page.picture.shown = before;
    page.pictureOf = source;
  }
  const picture = page.picture?.isReady || !page.picture?.shown ? page.picture?.picture : page.picture.shown;
  drawMap(at("map"), picture, page.episodes, colour);
  const whose = wanted ? wanted.label : at("map-of").value === "agent" ? "the optimum, since this agent knows no values" : "the optimum";
  const range = picture ? ` Bright ${round(picture.high)}, dark ${round(picture.low)}.` : "";
  at("map-text").textContent = `Values of ${whose}, over angle and speed (rad/s); the line is this episode.${range}`;
}

function redraw() {
  show();
  drawCurves(at("curves"), page.points, colours());
}

// --- The clock

let last = performance.now(), owed = 0;

function tick(now) {
  const pace = DT * 1000 * (at("slow").checked ? SLOWDOWN : 1);
  owed = Math.min(owed + now - last, 2 * pace);
  last = now;
  if (owed >= pace) {
    owed -= pace;
    if (!page.isPaused && !page.drag && page.episodes.length) {
      if (!page.ended) advance();
      else if (now - page.ended > PAUSE_BETWEEN_MS) begin();
    }
  }
  if (page.picture?.work() && (page.isPaused || page.ended)) showMap(colours());
  requestAnimationFrame(tick);
}

function pause(isPaused) {
  page.isPaused = isPaused;
  at("pause").textContent = isPaused ? "Go on" : "Pause";
}

// --- By hand

function angleAt(event) {
  const canvas = at("pendulum"), box = canvas.getBoundingClientRect(), count = page.episodes.length;
  const x = event.clientX - box.left, y = event.clientY - box.top, n = Math.min(count - 1, Math.floor((x * count) / box.width));
  const place = placeOf(n, count, box.width, box.height, page.world.l);
  return { theta: Math.atan2(place.x - x, place.y - y), distance: Math.hypot(x - place.x, y - place.y), place, n, x };
}

function connectPointer() {
  const canvas = at("pendulum");
  canvas.addEventListener("pointerdown", (event) => {
    const { theta, distance, place, n, x } = angleAt(event), episode = page.episodes[n];
    const isNear = distance > 0.4 * place.radius && Math.abs(wrap(theta - episode.state.theta)) < 0.5;
    if (!isNear) return pushAside(x < place.x, episode);
    canvas.setPointerCapture(event.pointerId);
    page.drag = { theta, speed: 0, time: event.timeStamp };
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!page.drag) return;
    const { theta } = angleAt(event), seconds = Math.max(1e-3, (event.timeStamp - page.drag.time) / 1000);
    const speed = wrap(theta - page.drag.theta) / seconds;
    page.drag = { theta, speed: 0.5 * page.drag.speed + 0.5 * clip(speed, MAX_SPEED), time: event.timeStamp };
    begin({ theta, speed: 0 });
  });
  const release = (event) => {
    if (!page.drag) return;
    const isStill = event.timeStamp - page.drag.time > 100;
    begin({ theta: page.drag.theta, speed: isStill ? 0 : page.drag.speed });
    page.drag = null;
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  const sides = { ArrowLeft: 1, ArrowRight: -1 };
  canvas.addEventListener("keydown", (event) => {
    if (event.key === " ") pause(!page.isPaused);
    else if (!(event.key in sides)) return;
    else if (page.names.includes("you")) page.held = sides[event.key];
    else push(PUSH * sides[event.key]);
    event.preventDefault();
  });
  const letGo = () => { page.held = 0; };
  canvas.addEventListener("keyup", letGo);
  canvas.addEventListener("blur", letGo);
}

// --- Training

function restart() {
  page.generation++;
  page.points = [];
  page.network = null;
  page.hasBegun = true;
  trainer.postMessage({ kind: "begin", settings: page.settings, world: page.world, seed: page.generation, generation: page.generation });
  at("progress").textContent = "Not begun.";
  drawCurves(at("curves"), [], colours());
}

function train(isTraining) {
  if (isTraining && !page.hasBegun) restart();
  page.isTraining = isTraining;
  trainer.postMessage({ kind: isTraining ? "run" : "halt" });
  at("train").textContent = isTraining ? "Pause training" : page.hasBegun ? "Go on training" : "Train";
}

/** Lets a training that has begun know the settings and the world as they are. */
function tellTrainer() {
  if (page.hasBegun) trainer.postMessage({ kind: "change", settings: page.settings, world: page.world });
}

let showSettings = () => {};

function showPreset() {
  at("preset").value = Object.keys(PRESETS).find((name) => Object.keys(OURS).every((key) => PRESETS[name].settings[key] === page.settings[key])) ?? "own";
}

function adopt(settings) {
  const restarts = CONTROLS.some((control) => control.restarts && settings[control.key] !== page.settings[control.key]);
  page.settings = settings;
  showPreset();
  showSettings(settings);
  say("");
  remember();
  if (restarts && page.hasBegun) restart();
  else tellTrainer();
}

// --- The world

function showWorld() {
  for (const name of Object.keys(UNITS)) {
    at(name).value = page.world[name];
    const text = `${page.world[name]} ${UNITS[name]}`;
    at(`${name}-value`).textContent = text;
    at(name).setAttribute("aria-valuetext", text);
  }
}

function setWorld(world) {
  page.world = { ...world };
  showWorld();
  solve();
  tellTrainer();
  if (page.episodes.length) begin({ theta: wrap(page.episodes[0].state.theta), speed: page.episodes[0].state.speed });
  remember();
}

// --- Address and files

/** Writes into the address what differs from the beginning. */
function remember() {
  const values = {
    agent: page.names[0], second: page.names[1] === "none" ? "" : page.names[1], lesson: at("lesson").value,
    map: at("map-of").value === "agent" ? "" : at("map-of").value, start: at("start").value === "random" ? "" : at("start").value,
  };
  for (const name of Object.keys(WORLD)) if (page.world[name] !== WORLD[name]) values[name] = page.world[name];
  for (const { key } of CONTROLS) if (page.settings[key] !== OURS[key]) values[key] = page.settings[key];
  history.replaceState(null, "", location.pathname + location.search + toAddress(values));
}

/** Takes what an address says; returns what could not be understood. */
function restore(values, lessons) {
  const unknown = [], world = { ...WORLD }, settings = { ...OURS };
  for (const [name, text] of Object.entries(values)) {
    const control = CONTROLS.find(({ key }) => key === name), value = control ? parseSetting(control, text) : Number(text);
    if (Object.hasOwn(WORLD, name) && text !== "" && value >= Number(at(name).min) && value <= Number(at(name).max)) world[name] = value;
    else if (control && value !== undefined) settings[name] = value;
    else if ((name === "agent" || name === "second") && isKnown(text)) page.names[name === "agent" ? 0 : 1] = text;
    else if (name === "lesson" && Object.hasOwn(lessons, text)) at("lesson").value = text;
    else if (name === "map" && text === "optimum") at("map-of").value = text;
    else if (name === "start" && ["hanging", "upright"].includes(text)) at("start").value = text;
    else unknown.push(`${name}=${text}`);
  }
  page.world = world;
  page.settings = settings;
  return unknown;
}

async function copyAddress() {
  try {
    await navigator.clipboard.writeText(location.href);
    return "Copied.";
  } catch {
    return `The browser does not allow it; the address is ${location.href}`;
  }
}

function connectSharing() {
  const tell = (text) => { at("shared").textContent = text; };
  on("link", "click", async () => tell(await copyAddress()));
  on("csv", "click", () => {
    if (!page.points.length) return tell("There are no curves yet: train first.");
    save("curves.csv", toCsv(page.points), "text/csv");
    tell("Saved as curves.csv.");
  });
  on("weights", "click", () => {
    if (!page.network) return tell("There are no weights yet: train first.");
    save("pendulum.safetensors", toSafetensors(page.network.weights, page.network.isNoisy), "application/octet-stream");
    tell("Saved as pendulum.safetensors. In Python: ca2_rl.play.load_weights(\"pendulum.safetensors\").");
  });
  on("gif", "click", () => {
    if (page.episodes[0].time < 2) return tell("The episode has hardly begun: wait a moment.");
    save("pendulum.gif", filmOf(page.episodes[0], page.world, colours()), "image/gif");
    tell("Saved as pendulum.gif.");
  });
}

// --- Beginning

function connect() {
  connectPointer();
  connectSharing();
  on("pause", "click", () => pause(!page.isPaused));
  on("step", "click", () => {
    pause(true);
    if (page.ended) begin();
    else advance();
  });
  on("push-left", "click", () => pushAside(true));
  on("push-right", "click", () => pushAside(false));
  on("begin", "click", () => begin());
  on("start", "change", () => {
    remember();
    begin();
  });
  on("agent", "change", () => choose(0, at("agent").value));
  on("second", "change", () => choose(1, at("second").value));
  on("map-of", "change", () => {
    remember();
    show();
  });
  for (const name of Object.keys(UNITS)) on(name, "input", () => setWorld({ ...page.world, [name]: Number(at(name).value) }));
  on("earth", "click", () => setWorld(WORLD));
  on("preset", "change", () => adopt({ ...PRESETS[at("preset").value]?.settings ?? page.settings }));
  on("train", "click", () => train(!page.isTraining));
  on("again", "click", () => restart());
  on("watch", "click", () => {
    at("agent").value = HERE;
    choose(0, HERE);
    at("pendulum").scrollIntoView({ block: "nearest" });
  });
  window.addEventListener("hashchange", () => location.reload());
  for (const event of ["resize", "load"]) window.addEventListener(event, redraw);
}

async function main() {
  let lessons = {};
  const wrong = [];
  try {
    [page.entries, lessons] = await Promise.all([ask("agents.json", "json"), ask("lessons.json", "json")]);
  } catch (error) {
    wrong.push(error.message);
  }
  fillAgents();
  page.names[0] = page.entries[0]?.name ?? "pd";
  at("preset").append(...Object.entries(PRESETS).map(([name, { label }]) => new Option(label, name)), new Option("Your own", "own"));
  showSettings = makeControls(at("settings"), (key, value) => adopt({ ...page.settings, [key]: value }), say);
  const showLesson = offerLessons(lessons, () => {
    redraw();
    remember();
  });
  const unknown = restore(readAddress(location.hash), lessons);
  if (unknown.length) wrong.push(`The address has something unknown, which was left out: ${unknown.join(", ")}.`);
  showSettings(page.settings);
  showPreset();
  [at("agent").value, at("second").value] = page.names;
  page.acting = [choices.zero, null];
  connect();
  showLesson();
  showWorld();
  solve();
  await Promise.all([choose(0, page.names[0]), choose(1, page.names[1])]);
  if (wrong.length) say(wrong.join(" "));
  document.body.dataset.ready = "yes";
  requestAnimationFrame(tick);
}

main();
