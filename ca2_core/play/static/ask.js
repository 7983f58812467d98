/**
 * What the server answers.
 * @param {string} url
 * @param {string} silence what to say where it answers nothing
 * @param {*} sent posted as JSON; nothing for a question
 * @throws {Error} with a sentence for the page
 */
export async function ask(url, silence, sent) {
  let answer;
  try {
    answer = await fetch(url, sent && { method: "POST", body: JSON.stringify(sent) });
  } catch {
    throw new Error(`The server does not answer${silence}`);
  }
  if (!answer.ok) throw new Error(await answer.text());
  return answer;
}
