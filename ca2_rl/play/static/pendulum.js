// The page: puts the parts together.

import { fetchAgent, optimal, simple, trainedHere } from "./agents.js";
import { render } from "./core/lesson.js";
import { drawCurves, toCsv } from "./curves.js";
import { Episode } from "./episode.js";
import { filmOf } from "./film.js";
import { ValuePicture } from "./map.js";
import { ValueTable } from "./optimum.js";
import { DT, MAX_SPEED, STEPS, WORLD, drawStart, wrap } from "./physics.js";
import { CONTROLS, makeControls, parseSetting } from "./settings.js";
import { download, readAddress, toAddress, toSafetensors } from "./share.js";
import { OURS, PRESETS } from "./train.js";
import { colours, drawBars, drawMap, drawPendulum, drawTorques, placeOf, surface } from "./view.js";

const $ = (id) => document.getElementById(id);
const SLOWDOWN = 5;
const PAUSE_BETWEEN_MS = 1500;
const PUSH = 2.5;
const WORLD_RANGES = { g: [-15, 15], m: [0.5, 2], l: [0.5, 2] };
const UNITS = { g: "m/s²", m: "kg", l: "m" };
const HERE = "here";

const page = {
  world: { ...WORLD }, held: 0, random: Math.random, isPaused: false, table: null, tableId: 0,
  names: ["", "none"], acting: [], episodes: [], entries: [], ended: 0, settings: { ...OURS }, preset: "ours",
  points: [], network: null, isTraining: false, hasBegun: false, generation: 0, picture: null, pictureOf: null, lessons: {}, drag: null,
};
const choices = simple(page);

// --- Messages

function say(text) { $("message").textContent = text; }

/** The bytes of a file of the server; what goes wrong is one sentence. */
async function fetchBytes(path) {
  let answer;
  try {
    answer = await fetch(path);
  } catch {
    throw new Error("The server does not answer. Start `ca2-rl play` again, and open the address that it prints.");
  }
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
  return answer.arrayBuffer();
}

const fetchJson = async (path) => JSON.parse(new TextDecoder().decode(await fetchBytes(path)));

// --- Workers

const solver = new Worker("worker.js", { type: "module" }), trainer = new Worker("worker.js", { type: "module" });
for (const worker of [solver, trainer]) worker.addEventListener("error", (event) => say(`A computation failed: ${event.message ?? "no worker could be started"}. Reload the page.`));

let solving = 0;

/** Asks for the optimum of the world as it is; until it is there, regret is greyed. */
function solve() {
  page.table = null;
  page.tableId++;
  $("optimum-state").textContent = "Computing the optimum …";
  clearTimeout(solving);
  solving = setTimeout(() => solver.postMessage({ kind: "optimum", id: page.tableId, world: page.world }), 200);
  show();
}

solver.addEventListener("message", ({ data: { id, fields } }) => {
  if (id !== page.tableId) return;
  page.table = new ValueTable(fields);
  $("optimum-state").textContent = `Optimum: about ±${fields.accuracy.toFixed(1)}, computed in ${fields.seconds.toFixed(1)} s.`;
  for (const n of [0, 1]) if (page.names[n] === "optimal") page.acting[n] = optimal("Optimal policy", page.table);
  page.pictureOf = null;
  // Without the table, the optimal policy could not act
  if (page.names.includes("optimal")) begin();
  show();
});

trainer.addEventListener("message", ({ data }) => {
  if (data.generation !== page.generation) return;
  page.points.push(...data.points);
  page.network = data.network;
  for (const n of [0, 1]) if (page.names[n] === HERE) page.acting[n] = trainedHere("Trained here", page.network);
  const exploration = data.network.isNoisy
    ? `mean |sigma| of the layers: ${data.network.sigmas.map((sigma) => sigma.toFixed(3)).join(", ")}`
    : `epsilon ${data.epsilon.toFixed(2)}`;
  $("progress").textContent = `${data.steps.toLocaleString("en")} steps, ${data.isRunning ? `${Math.round(data.rate).toLocaleString("en")} a second` : "paused"}; ${exploration}`;
  if (page.names[0] === HERE) page.pictureOf = null;
  drawCurves($("curves"), page.points, colours());
});

// --- Who acts

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

const loaded = new Map();

async function load(name) {
  if (name === "none") return null;
  if (name in choices) return choices[name];
  if (name === "optimal") return page.table ? optimal("Optimal policy", page.table) : { label: "Optimal policy", act: () => 0 };
  if (name === HERE) return page.network ? trainedHere("Trained here", page.network) : { label: "Trained here", act: () => 0 };
  if (!loaded.has(name)) loaded.set(name, await fetchAgent(page.entries.find((entry) => entry.name === name), fetchBytes));
  return loaded.get(name);
}

function fillAgents() {
  const options = [
    ...page.entries.map(({ name, label }) => [name, label]), ["optimal", "Optimal policy"], [HERE, "The DQN trained on this page"],
    ...Object.entries(choices).map(([name, { label }]) => [name, label]),
  ];
  $("agent").append(...options.map(([name, label]) => new Option(label, name)));
  $("second").append(new Option("nobody", "none"), ...options.map(([name, label]) => new Option(label, name)));
}

const isKnown = (name) => [...$("agent").options].some((option) => option.value === name);

// --- Episodes

function startState() {
  const kind = $("start").value;
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
  begin({ theta: wrap(theta), speed: Math.min(Math.max(speed + change, -MAX_SPEED), MAX_SPEED) });
}

// --- Showing

const round = (value) => value.toFixed(1).replace(/^-0\.0$/, "0.0");

function show() {
  if (!page.episodes.length) return;
  const colour = colours(), agents = page.acting.filter(Boolean), { context, width, height } = surface($("pendulum"));
  page.episodes.forEach((episode, n) => {
    const place = placeOf(n, page.episodes.length, width, height, page.world.l);
    const label = page.episodes.length > 1 ? agents[n].label : "";
    drawPendulum(context, place, episode.state.theta, episode.torques.at(-1) ?? 0, page.world.m, colour, label);
  });
  drawTorques($("torque"), page.episodes, colour);
  showNumbers(agents);
  showBars(agents[0], colour);
  showMap(colour);
}

function showNumbers(agents) {
  for (const n of [0, 1]) {
    const episode = page.episodes[n];
    for (const name of ["name", "time", "return", "best", "regret"]) $(`${name}-${n}`).hidden = !episode;
    if (!episode) continue;
    $(`name-${n}`).textContent = agents[n].label;
    $(`time-${n}`).textContent = `${episode.time}`;
    $(`return-${n}`).textContent = round(episode.return);
    $(`best-${n}`).textContent = page.table ? round(episode.best(page.table)) : "…";
    $(`regret-${n}`).textContent = page.table ? round(episode.regret(page.table)) : "…";
    for (const name of ["best", "regret"]) $(`${name}-${n}`).classList.toggle("pending", !page.table);
  }
}

function showBars(agent, colour) {
  const episode = page.episodes[0], { theta, speed } = episode.state, found = agent.bars?.(theta, speed, episode.left) ?? null;
  drawBars($("bars"), found, colour);
  $("bars-text").textContent = found
    ? `Highest ${round(Math.max(...found.values))}, lowest ${round(Math.min(...found.values))}; torques in N m.`
    : "This agent has no Q-values.";
  $("sigmas").textContent = agent.sigmas?.length ? `Noise left, mean |sigma| of each layer: ${agent.sigmas.map((sigma) => sigma.toFixed(3)).join(", ")}.` : "";
}

/** The picture of values is begun again when whose it is has changed. */
function showMap(colour) {
  const wanted = $("map-of").value === "agent" && page.acting[0]?.value ? page.acting[0] : null, { table } = page;
  const source = wanted ?? table;
  if (page.pictureOf !== source && source) {
    const before = page.picture?.picture, value = wanted ? wanted.value : (theta, speed) => table.value(theta, speed, STEPS);
    page.picture = new ValuePicture(value, wanted?.isSlow ? 45 : 61);
    page.picture.shown = before;
    page.pictureOf = source;
  }
  const picture = page.picture?.isReady || !page.picture?.shown ? page.picture?.picture : page.picture.shown;
  drawMap($("map"), picture, page.episodes, colour);
  const whose = wanted ? wanted.label : $("map-of").value === "agent" ? "the optimum, since this agent knows no values" : "the optimum";
  const range = picture ? ` Bright ${round(picture.high)}, dark ${round(picture.low)}.` : "";
  $("map-text").textContent = `Values of ${whose}, over angle and speed (rad/s); the line is this episode.${range}`;
}

// --- The clock

let last = performance.now(), owed = 0;

function tick(now) {
  const pace = DT * 1000 * ($("slow").checked ? SLOWDOWN : 1);
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
  $("pause").textContent = isPaused ? "Go on" : "Pause";
}

// --- By hand

function angleAt(event) {
  const canvas = $("pendulum"), box = canvas.getBoundingClientRect(), count = page.episodes.length;
  const x = event.clientX - box.left, y = event.clientY - box.top, n = Math.min(count - 1, Math.floor((x * count) / box.width));
  const place = placeOf(n, count, box.width, box.height, page.world.l);
  return { theta: Math.atan2(place.x - x, place.y - y), distance: Math.hypot(x - place.x, y - place.y), place, n, x };
}

function connectPointer() {
  const canvas = $("pendulum");
  canvas.addEventListener("pointerdown", (event) => {
    const { theta, distance, place, n, x } = angleAt(event), episode = page.episodes[n];
    const isNear = distance > 0.4 * place.radius && Math.abs(wrap(theta - episode.state.theta)) < 0.5;
    if (!isNear) return push(x < place.x === Math.cos(episode.state.theta) > 0 ? PUSH : -PUSH);
    canvas.setPointerCapture(event.pointerId);
    page.drag = { theta, speed: 0, time: event.timeStamp };
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!page.drag) return;
    const { theta } = angleAt(event), seconds = Math.max(1e-3, (event.timeStamp - page.drag.time) / 1000);
    const speed = wrap(theta - page.drag.theta) / seconds;
    page.drag = { theta, speed: 0.5 * page.drag.speed + 0.5 * Math.min(Math.max(speed, -MAX_SPEED), MAX_SPEED), time: event.timeStamp };
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
  $("progress").textContent = "Not begun.";
  drawCurves($("curves"), [], colours());
}

function train(isTraining) {
  if (isTraining && !page.hasBegun) restart();
  page.isTraining = isTraining;
  trainer.postMessage({ kind: isTraining ? "run" : "halt" });
  $("train").textContent = isTraining ? "Pause training" : page.hasBegun ? "Go on training" : "Train";
}

function change(key, value, restarts) {
  page.settings[key] = value;
  page.preset = Object.keys(PRESETS).find((name) => Object.keys(OURS).every((each) => PRESETS[name].settings[each] === page.settings[each])) ?? "own";
  $("preset").value = page.preset;
  say("");
  remember();
  if (!page.hasBegun) return;
  if (restarts) restart();
  else trainer.postMessage({ kind: "change", settings: page.settings, world: page.world });
}

let showSettings = () => {};

function choosePreset(name) {
  if (!(name in PRESETS)) return;
  const before = page.settings;
  page.settings = { ...PRESETS[name].settings };
  page.preset = name;
  showSettings(page.settings);
  remember();
  if (!page.hasBegun) return;
  if (CONTROLS.some(({ key, restarts }) => restarts && before[key] !== page.settings[key])) restart();
  else trainer.postMessage({ kind: "change", settings: page.settings, world: page.world });
}

// --- The world

function showWorld() {
  for (const name of Object.keys(UNITS)) {
    $(name).value = page.world[name];
    const text = `${page.world[name]} ${UNITS[name]}`;
    $(`${name}-value`).textContent = text;
    $(name).setAttribute("aria-valuetext", text);
  }
}

function setWorld(world) {
  page.world = { ...world };
  showWorld();
  solve();
  if (page.hasBegun) trainer.postMessage({ kind: "change", settings: page.settings, world: page.world });
  if (page.episodes.length) begin({ theta: wrap(page.episodes[0].state.theta), speed: page.episodes[0].state.speed });
  remember();
}

// --- Address and files

/** Writes into the address what differs from the beginning. */
function remember() {
  const values = {
    agent: page.names[0], second: page.names[1] === "none" ? "" : page.names[1], lesson: $("lesson").value,
    map: $("map-of").value === "agent" ? "" : $("map-of").value, start: $("start").value === "random" ? "" : $("start").value,
  };
  for (const name of Object.keys(WORLD)) if (page.world[name] !== WORLD[name]) values[name] = page.world[name];
  for (const { key } of CONTROLS) if (page.settings[key] !== OURS[key]) values[key] = page.settings[key];
  history.replaceState(null, "", location.pathname + location.search + toAddress(values));
}

/** Takes what an address says; returns what could not be understood. */
function restore(values) {
  const unknown = [], world = { ...WORLD }, settings = { ...OURS };
  for (const [name, text] of Object.entries(values)) {
    const control = CONTROLS.find(({ key }) => key === name), value = control ? parseSetting(control, text) : Number(text);
    if (name in WORLD_RANGES && text !== "" && value >= WORLD_RANGES[name][0] && value <= WORLD_RANGES[name][1]) world[name] = value;
    else if (control && value !== undefined) settings[name] = value;
    else if ((name === "agent" || name === "second") && isKnown(text)) page.names[name === "agent" ? 0 : 1] = text;
    else if (name === "lesson" && text in page.lessons) $("lesson").value = text;
    else if (name === "map" && text === "optimum") $("map-of").value = text;
    else if (name === "start" && ["hanging", "upright"].includes(text)) $("start").value = text;
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
  const tell = (text) => { $("shared").textContent = text; };
  $("link").addEventListener("click", async () => tell(await copyAddress()));
  $("csv").addEventListener("click", () => {
    if (!page.points.length) return tell("There are no curves yet: train first.");
    download("curves.csv", toCsv(page.points), "text/csv");
    tell("Saved as curves.csv.");
  });
  $("weights").addEventListener("click", () => {
    if (!page.network) return tell("There are no weights yet: train first.");
    download("pendulum.safetensors", toSafetensors(page.network.weights, page.network.isNoisy), "application/octet-stream");
    tell("Saved as pendulum.safetensors. In Python: ca2_rl.play.load_weights(\"pendulum.safetensors\").");
  });
  $("gif").addEventListener("click", () => {
    if (page.episodes[0].time < 2) return tell("The episode has hardly begun: wait a moment.");
    download("pendulum.gif", filmOf(page.episodes[0], page.world, colours()), "image/gif");
    tell("Saved as pendulum.gif.");
  });
}

// --- Lessons

function titleOf(text) { return /^# +(.*)/.exec(text)?.[1] ?? text.slice(0, 40); }

function showLesson() {
  const name = $("lesson").value;
  $("lesson-text").hidden = !name;
  $("lesson-text").replaceChildren(...(name ? render(page.lessons[name], 3) : []));
}

// --- Beginning

function connect() {
  connectPointer();
  connectSharing();
  $("pause").addEventListener("click", () => pause(!page.isPaused));
  $("step").addEventListener("click", () => {
    pause(true);
    if (page.ended) begin();
    else advance();
  });
  $("push-left").addEventListener("click", () => push(Math.cos(page.episodes[0].state.theta) > 0 ? PUSH : -PUSH));
  $("push-right").addEventListener("click", () => push(Math.cos(page.episodes[0].state.theta) > 0 ? -PUSH : PUSH));
  $("begin").addEventListener("click", () => begin());
  $("start").addEventListener("change", () => {
    remember();
    begin();
  });
  $("agent").addEventListener("change", () => choose(0, $("agent").value));
  $("second").addEventListener("change", () => choose(1, $("second").value));
  $("map-of").addEventListener("change", () => {
    remember();
    show();
  });
  for (const name of Object.keys(UNITS)) $(name).addEventListener("input", () => setWorld({ ...page.world, [name]: Number($(name).value) }));
  $("earth").addEventListener("click", () => setWorld(WORLD));
  $("preset").addEventListener("change", () => choosePreset($("preset").value));
  $("train").addEventListener("click", () => train(!page.isTraining));
  $("again").addEventListener("click", () => restart());
  $("watch").addEventListener("click", () => {
    $("agent").value = HERE;
    choose(0, HERE);
    $("pendulum").scrollIntoView({ block: "nearest" });
  });
  $("lesson").addEventListener("change", () => {
    showLesson();
    remember();
  });
  window.addEventListener("hashchange", () => location.reload());
  for (const event of ["resize", "load"]) {
    window.addEventListener(event, () => {
      show();
      drawCurves($("curves"), page.points, colours());
    });
  }
}

async function main() {
  try {
    [page.entries, page.lessons] = await Promise.all([fetchJson("agents.json"), fetchJson("lessons.json")]);
  } catch (error) {
    say(error.message);
    page.entries = [];
  }
  fillAgents();
  page.names[0] = page.entries[0]?.name ?? "pd";
  $("preset").append(...Object.entries(PRESETS).map(([name, { label }]) => new Option(label, name)), new Option("Your own", "own"));
  $("lesson").append(new Option("none", ""), ...Object.entries(page.lessons).map(([name, text]) => new Option(titleOf(text), name)));
  showSettings = makeControls($("settings"), change, ({ label, min, max }) => say(`${label}: give a number from ${min} to ${max}.`));
  const unknown = restore(readAddress(location.hash));
  showSettings(page.settings);
  change("lr", page.settings.lr, false);
  if (unknown.length) say(`The address has something unknown, which was left out: ${unknown.join(", ")}.`);
  [$("agent").value, $("second").value] = page.names;
  page.acting = [choices.zero, null];
  connect();
  showLesson();
  // Who came for a lesson has it next to the pendulum
  if ($("lesson").value) {
    document.querySelector("main").prepend($("lessons"));
    document.body.dataset.lesson = "yes";
  }
  showWorld();
  solve();
  drawCurves($("curves"), [], colours());
  await Promise.all([choose(0, page.names[0]), choose(1, page.names[1])]);
  if (unknown.length) say(`The address has something unknown, which was left out: ${unknown.join(", ")}.`);
  document.body.dataset.ready = "yes";
  requestAnimationFrame(tick);
}

main();
