// How pictures come in, which digits are asked for, and what is said meanwhile.

const form = document.getElementById("thresholds");
const WAIT_MS = 200;
let picture = null;
let source = "";
let underWay = new AbortController();
let waiting = 0;

/** Takes another picture. */
function take(file) {
  if (!file) return;
  picture = file;
  URL.revokeObjectURL(source);
  source = URL.createObjectURL(file);
  look();
}

/** Asks what is in the picture; an answer that is still awaited is not wanted any more. */
async function look() {
  underWay.abort();
  underWay = new AbortController();
  const { signal } = underWay;
  const [file, begun] = [picture, performance.now()];
  say(`Looking at ${file.name} …`);
  stage.ariaBusy = "true";
  try {
    const row = await detect(file, asked(), signal);
    if (signal.aborted) return;
    showResult(row, source, () => previewOf(file));
    say(`${file.name}: ${readingText()}. ${row.width_px} × ${row.height_px} px, ${secondsText(performance.now() - begun)}.`);
  } catch (error) {
    if (signal.aborted) return;
    clearResult();
    say("", error instanceof Refusal ? error.message : `Something went wrong: ${error.message}`);
  }
  stage.ariaBusy = "false";
}

/** The address of a JPEG of a picture, which stands in for it from now on. */
async function previewOf(file) {
  const address = URL.createObjectURL(await fetchPreview(file).catch(() => new Blob()));
  if (file !== picture) return "";
  URL.revokeObjectURL(source);
  source = address;
  stage.querySelector(".frame").dataset.source = source;
  return source;
}

const secondsText = (milliseconds) => `${(milliseconds / 1000).toFixed(milliseconds < 995 ? 2 : 1)} s`;

function say(status, problem = "") {
  document.getElementById("status").textContent = status;
  const box = document.getElementById("problem");
  box.textContent = problem;
  box.hidden = !problem;
}

/** What the form asks for. */
function asked() {
  const byScore = form.elements.rule.value === "score";
  return {
    min_score: byScore ? Number(form.elements.score.value) / 100 : null,
    exhaustive: form.elements.exhaustive.checked,
  };
}

function showScore() {
  const text = hundredthText(Number(form.elements.score.value), settings.calibrated);
  document.getElementById("score-text").textContent = text;
  form.elements.score.ariaValueText = text;
}

/** A slider that moves says at once where it is, and asks when it rests. */
function heard(event) {
  if (event.target.name === "score") form.elements.rule.value = "score";
  showScore();
  clearTimeout(waiting);
  waiting = setTimeout(() => picture && look(), event.target.type === "range" ? WAIT_MS : 0);
}

function showSamples() {
  document.getElementById("samples").replaceChildren(...settings.samples.map((sample, index) => {
    const image = element("img");
    Object.assign(image, { src: `/samples/${sample.file}`, alt: `sample ${index + 1}: ${sample.number}` });
    const button = element("button");
    button.type = "button";
    button.append(image);
    button.addEventListener("click", () =>
      fetchSample(sample).then(take, (error) => say("", error.message)));
    const item = element("li");
    item.append(button);
    return item;
  }));
}

function firstFile(transfer) {
  return [...(transfer?.files ?? [])][0];
}

for (const id of ["file", "camera"]) {
  document.getElementById(id).addEventListener("change", (event) => {
    take(event.target.files[0]);
    event.target.value = "";  // so that the same file can be chosen again
  });
}
const dragsFiles = (event) => event.dataTransfer?.types.includes("Files");
window.addEventListener("dragover", (event) => {
  if (!dragsFiles(event)) return;
  event.preventDefault();
  document.body.classList.add("dragged");
});
window.addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("dragged"));
window.addEventListener("drop", (event) => {
  document.body.classList.remove("dragged");
  if (!dragsFiles(event)) return;
  event.preventDefault();
  take(firstFile(event.dataTransfer));
});
window.addEventListener("paste", (event) => take(firstFile(event.clipboardData)));
form.addEventListener("input", heard);
form.addEventListener("submit", (event) => event.preventDefault());

document.getElementById("model").textContent = settings.model;
document.getElementById("limits").textContent =
  `Up to ${megabytes(settings.max_bytes)} and ${settings.max_pixels / 1e6} megapixels.`;
showScore();
showSamples();
