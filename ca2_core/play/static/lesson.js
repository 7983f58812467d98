// Lessons: a small part of Markdown as elements of the page. No text ever becomes HTML.

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

function filled(tag, text) {
  const element = document.createElement(tag);
  for (const part of parseLine(text)) {
    if (part.kind === "plain") element.append(part.text);
    else element.append(Object.assign(document.createElement(TAGS[part.kind]), { textContent: part.text }));
  }
  return element;
}

function toElement(block, top) {
  if (block.kind === "heading") return filled(`h${Math.min(block.level + top - 1, 6)}`, block.text);
  if (block.kind === "paragraph") return filled("p", block.text);
  if (block.kind === "code") {
    const pre = document.createElement("pre");
    pre.append(Object.assign(document.createElement("code"), { textContent: block.text }));
    return pre;
  }
  if (block.kind === "list") {
    const list = document.createElement(block.isNumbered ? "ol" : "ul");
    list.append(...block.items.map((item) => filled("li", item)));
    return list;
  }
  const details = document.createElement("details");
  details.append(filled("summary", "Answer"), ...block.blocks.map((each) => toElement(each, top)));
  return details;
}

/**
 * A lesson as elements.
 * @param {string} text Markdown
 * @param {number} top level of the page's headings that `#` becomes
 * @returns {HTMLElement[]}
 */
export function render(text, top = 2) {
  return parse(text).map((block) => toElement(block, top));
}
