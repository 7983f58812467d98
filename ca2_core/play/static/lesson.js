// Lessons: a small part of Markdown as elements of the page. No text ever becomes HTML.

import { at, made } from "./page.js";

const LIST = /^(-|\d+\.) +/;

/** Paragraphs, headings, lists, code and answers of a text, in order: `{kind, ...}` each. */
export function parse(text) {
  const lines = text.replace(/\r/g, "").split("\n");
  const blocks = [];
  for (let i = 0; i < lines.length; ) {
    const line = lines[i], heading = /^(#{1,4}) +(.*)/.exec(line);
    if (!line.trim()) i++;
    else if (heading) {
      blocks.push({ kind: "heading", level: heading[1].length, text: heading[2] });
      i++;
    } else if (line.startsWith("```")) {
      const end = lines.indexOf("```", i + 1), last = end < 0 ? lines.length : end;
      blocks.push({ kind: "code", text: lines.slice(i + 1, last).join("\n") });
      i = last + 1;
    } else if (line.startsWith(">")) {
      const from = i;
      while (i < lines.length && lines[i].startsWith(">")) i++;
      const inside = lines.slice(from, i).map((each) => each.replace(/^> ?/, "")).join("\n");
      blocks.push({ kind: "answer", blocks: parse(inside.replace(/^answer: */i, "")) });
    } else if (LIST.test(line)) {
      const items = [];
      for (; i < lines.length && lines[i].trim() && !lines[i].startsWith(">"); i++) {
        if (LIST.test(lines[i])) items.push(lines[i].replace(LIST, ""));
        else items[items.length - 1] += ` ${lines[i].trim()}`;
      }
      blocks.push({ kind: "list", isNumbered: !line.startsWith("-"), items });
    } else {
      const from = i;
      while (i < lines.length && lines[i].trim() && !/^(#{1,4} |```|>)/.test(lines[i]) && !LIST.test(lines[i])) i++;
      if (i === from) i++;
      blocks.push({ kind: "paragraph", text: lines.slice(from, i).map((each) => each.trim()).join(" ") });
    }
  }
  return blocks;
}

/** The parts of a line: plain, **bold**, `code`; `{kind, text}` each. */
export function parseLine(text) {
  return text.split(/(\*\*[^*]+\*\*|`[^`]+`)/).filter(Boolean).map((part) => {
    if (/^\*\*.+\*\*$/.test(part)) return { kind: "bold", text: part.slice(2, -2) };
    if (/^`.+`$/.test(part)) return { kind: "code", text: part.slice(1, -1) };
    return { kind: "plain", text: part };
  });
}

const TAGS = { bold: "strong", code: "code" };

const filled = (tag, text) => made(tag, ...parseLine(text).map((part) => part.kind === "plain" ? part.text : made(TAGS[part.kind], part.text)));

/** An element of a block; the title of a lesson is a heading of the third level. */
function toElement(block) {
  if (block.kind === "heading") return filled(`h${Math.min(block.level + 2, 6)}`, block.text);
  if (block.kind === "paragraph") return filled("p", block.text);
  if (block.kind === "code") return made("pre", made("code", block.text));
  if (block.kind === "list") return made(block.isNumbered ? "ol" : "ul", ...block.items.map((item) => filled("li", item)));
  return made("details", made("summary", "Answer"), ...block.blocks.map(toElement));
}

/**
 * Lets the lessons be chosen, one of which the page then shows.
 * @param {Object<string, string>} lessons Markdown by name
 * @param {() => void} changed called when the page has got more or less room
 * @returns {() => void} shows the lesson that is chosen
 */
export function offerLessons(lessons, changed) {
  const select = at("lesson"), place = at("lesson-text");
  for (const [name, text] of Object.entries(lessons)) select.append(new Option(/^# +(.*)/.exec(text)?.[1] ?? name, name));
  const show = () => {
    const text = lessons[select.value];
    place.hidden = !text;
    place.replaceChildren(...(text ? parse(text).map(toElement) : []));
    place.scrollTop = 0;
    document.body.classList.toggle("reading", Boolean(text));
    changed();
  };
  select.addEventListener("change", show);
  return show;
}
