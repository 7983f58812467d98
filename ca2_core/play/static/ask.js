// What the pages ask of the server.

const SILENCE = "The server does not answer, so nothing was loaded or saved: start the command again and open the address that it prints.";

/**
 * What the server answers.
 * @param {string} url
 * @param {"arrayBuffer" | "json"} kind of the answer
 * @param {*} sent posted as JSON; nothing for a question
 * @throws {Error} with a sentence for the page
 */
export async function ask(url, kind = "arrayBuffer", sent = undefined) {
  let answer, content;
  try {
    answer = await fetch(url, sent && { method: "POST", body: JSON.stringify(sent) });
    content = await answer[answer.ok ? kind : "text"]();
  } catch {
    throw new Error(SILENCE);
  }
  if (!answer.ok) throw new Error(content);
  return content;
}

/** What makes something of a key, and keeps it. What failed is made again when it is asked for again. */
export function once(make) {
  const made = new Map();
  return async (key) => {
    if (!made.has(key)) made.set(key, make(key));
    try {
      return await made.get(key);
    } catch (error) {
      made.delete(key);
      throw error;
    }
  };
}
