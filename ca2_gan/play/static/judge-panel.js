// The panel in which networks look at a drawing or at a letter of the word.
import { ask, once } from "./core/ask.js";
import { at, made, on } from "./core/page.js";
import { paint } from "./draw.js";
import { guesses, Neighbours } from "./judge.js";
import { newestOnly } from "./runner.js";
import { Sketch, toImage } from "./sketch.js";

const SMALL = { columns: 1, zoom: 3 };

export class JudgePanel {
  /**
   * @param {Runner} runner
   * @param {(sentence: string, place: string) => void} tell
   * @param {() => (Float32Array|null)[]} written images of the word
   */
  constructor(runner, tell, written) {
    Object.assign(this, { runner, tell, written, model: null, image: null, taken: null });
    this.neighbours = once(async (data) => new Neighbours(await ask(`data/${data}/nearest.bin`), this.model.nearest, this.image.length));
    this.sketch = new Sketch(at("sketch"), () => {
      this.taken = null;
      this.look();
    });
    this.look = newestOnly(() => this.judge(), (error) => tell(error.message, "judge"));
    on("clear", "click", () => {
      this.sketch.clear();
      this.taken = null;
      this.look();
    });
    on("take", "click", () => this.take());
    on("asked", "change", () => this.look());
    on("nearest", "click", () => this.findNearest().catch((error) => tell(error.message, "judge")));
  }

  choose(model) {
    this.model = model;
    const fits = model.shape.join() === "1,28,28";
    at("judge").hidden = !fits;
    at("critic").hidden = !model.discriminator;
    at("no-guess").hidden = model.guesses.length > 0;
    at("near").hidden = !model.nearest;
    at("asked").replaceChildren(...(model.classes.length ? model.classes : ["sample"]).map((name, i) => new Option(name, i)));
    this.look();
  }

  /** The letters of the word, one of which can be looked at. */
  follow(names) {
    const before = at("which").value;
    at("which").replaceChildren(...names.flatMap((name, i) => (name ? [new Option(`${i + 1}: ${name}`, i)] : [])));
    if (before && at("which").querySelector(`option[value="${before}"]`)) at("which").value = before;
    at("take").disabled = !at("which").options.length;
  }

  take() {
    const image = this.written()[Number(at("which").value)];
    if (!image) return;
    this.taken = image.slice();
    this.sketch.show(this.taken);
    const name = at("which").selectedOptions[0].textContent.split(": ").pop();
    const option = [...at("asked").options].find((each) => each.textContent === name);
    if (option) at("asked").value = option.value;
    this.look();
  }

  async judge() {
    const { model } = this;
    this.tell("", "judge");
    if (at("judge").hidden) return;
    this.image = this.taken ?? toImage(this.sketch.ink(), at("sketch").width, at("sketch").height);
    at("pair").hidden = true;
    at("nearest").disabled = true;
    paint(at("seen"), [this.image], { ...SMALL, shape: model.shape });
    this.features = null;
    at("guesses").hidden = !this.image || !model.guesses.length;
    at("logit").textContent = "";
    if (!this.image) return;
    if (model.guesses.length) {
      const [[features, logits]] = await this.runner.run(`data/${model.data}/classifier.bin`, [{ images: this.image }]);
      this.features = features;
      at("nearest").disabled = false;
      at("guesses").tBodies[0].replaceChildren(...guesses(logits, model.guesses).map(toRow));
    }
    if (model.discriminator) {
      const inputs = { images: this.image.map((x) => 2 * x - 1), labels: [Number(at("asked").value)] };
      const [[[logit]]] = await this.runner.run(`models/${model.key}/discriminator.bin`, [inputs]);
      at("logit").textContent = `The discriminator’s logit is ${logit.toFixed(2)}: it takes the picture for ${logit > 0 ? "real" : "generated"}.`;
    }
  }

  async findNearest() {
    const { model, image } = this;
    if (!image || !this.features) return;
    this.tell("The training images are being drawn …", "judge");
    const found = (await this.neighbours(model.data)).nearest(this.features);
    paint(at("pair-own"), [image], { ...SMALL, shape: model.shape });
    paint(at("pair-real"), [found.image], { ...SMALL, shape: model.shape });
    at("pair-text").textContent = `Nearest of ${model.nearest.toLocaleString("en")} training images, ${found.distance.toFixed(1)} away`;
    at("pair").hidden = false;
    this.tell("", "judge");
  }
}

function toRow({ name, probability }) {
  const bar = Object.assign(made("meter"), { value: probability, max: 1, ariaLabel: `Probability of ${name}` });
  const share = Object.assign(made("td", `${(100 * probability).toFixed(0)} %`), { className: "number" });
  return made("tr", made("td", name), made("td", bar), share);
}
