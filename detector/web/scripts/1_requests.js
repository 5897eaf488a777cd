// What the server knows and is asked: its limits, its samples, and what it finds in a picture.

/** `model`, `calibrated` scores, `max_bytes`, `max_pixels` and `samples`. */
const settings = JSON.parse(document.getElementById("settings").textContent);

/** What is wrong with a picture or a server, in words for whoever reads the page. */
class Refusal extends Error {}

const megabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 1 : 0)} MB`;

/** Refuses what the server would, before it travels. */
function checkSize(file) {
  if (file.size > settings.max_bytes) {
    const limit = megabytes(settings.max_bytes);
    throw new Refusal(`${file.name} is larger than ${limit}, the limit. Try a smaller copy of it.`);
  }
  if (!file.size) throw new Refusal(`${file.name} is empty.`);
}

/**
 * The row of what is found in a picture, as `digit-detector detect --json` prints it.
 * @param options {min_score, exhaustive}; what is null or false is left to the model.
 */
async function detect(file, options, signal) {
  checkSize(file);
  const query = new URLSearchParams({ image: file.name });
  if (options.min_score !== null) query.set("min_score", options.min_score);
  if (options.exhaustive) query.set("exhaustive", "true");
  return (await post(`/detect?${query}`, file, signal)).json();
}

/** A small JPEG of a picture that the browser cannot show. */
async function fetchPreview(file) {
  return (await post("/preview", file)).blob();
}

async function post(address, file, signal) {
  const headers = { "Content-Type": "application/octet-stream" };
  const answer = await send(address, { method: "POST", body: file, headers, signal });
  if (!answer.ok) throw new Refusal(await refusalText(answer, file));
  return answer;
}

async function send(address, request) {
  try {
    return await fetch(address, request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("The server does not answer. Is digit-detector web still running?");
  }
}

const HINTS = {
  __proto__: null,
  IMAGE_UNDECODABLE: "Try a JPEG or PNG file of it.",
  IMAGE_TOO_LARGE: "Try a smaller copy of it.",
};

async function refusalText(answer, file) {
  try {
    const { error } = await answer.json();
    return `${file.name} was not read: ${error.message}. ${HINTS[error.code] ?? ""}`.trim();
  } catch {
    return `The server refused with status ${answer.status}. Try again in a moment.`;
  }
}

async function fetchSample({ file }) {
  const answer = await send(`/samples/${file}`);
  return new File([await answer.blob()], file);
}
