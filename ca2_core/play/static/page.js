// What every page needs.

export const at = (id) => document.getElementById(id);

export const on = (id, event, act) => at(id).addEventListener(event, act);

/** An element with what is in it: texts and elements. */
export function made(tag, ...content) {
  const element = document.createElement(tag);
  element.append(...content);
  return element;
}

/** Gives the browser a file to keep. */
export function save(name, content, type) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(new Blob([content], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
