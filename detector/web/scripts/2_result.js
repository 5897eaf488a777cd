// What was found in a picture: boxes over it, the numbers, the digits one by one, and the row as JSON.

const stage = document.getElementById("picture");
let found = null;
let chosen = null;

/** Shows a row over its picture, whose address is `source`; `preview` gives another if the browser does not show it. */
function showResult(row, source, preview) {
  found = { ...row, calibrated: settings.calibrated };
  chosen = null;
  showPicture(source, preview);
  showNumbers();
  showDigits();
  showDetails();
  document.getElementById("json").textContent = JSON.stringify(row, null, 2);
  document.getElementById("copied").textContent = "";
  document.getElementById("results").hidden = false;
  document.body.classList.remove("empty");
}

function clearResult() {
  found = null;
  stage.replaceChildren();
  document.getElementById("results").hidden = true;
  document.body.classList.add("empty");
}

function showPicture(source, preview) {
  if (stage.querySelector(".frame")?.dataset.source !== source) {
    const made = frame(found, source, shape("svg", {}), "");
    made.dataset.source = source;
    const image = made.querySelector("img");
    image.addEventListener("error", async () => {
      image.src = await preview();
    }, { once: true });
    made.addEventListener("click", (event) => choose(digitAt(event)));
    stage.replaceChildren(made);
  }
  stage.querySelector("img").alt = readingText();
  drawBoxes();
}

function drawBoxes() {
  if (!found) return;
  const pixel = found.width_px / (stage.querySelector(".frame").clientWidth || found.width_px);
  const drawing = overlay(found, pixel, found.numbers, true);
  if (chosen !== null) drawing.append(...outline(found.digits[chosen].box, "chosen", 2 * pixel));
  stage.querySelector("svg").replaceWith(drawing);
}

/** The numbers in words. */
function readingText() {
  const texts = found.numbers.map((number) => number.text);
  return texts.length ? `${texts.length} number${texts.length > 1 ? "s" : ""}: ${texts.join(", ")}` : "no number found";
}

function showNumbers() {
  const list = document.getElementById("numbers");
  list.replaceChildren(...found.numbers.map((number) => {
    const item = element("li");
    item.append(plate(number, found.calibrated));
    return item;
  }));
  if (!found.numbers.length) list.append(element("li", "none", "None. A lower score finds fainter digits."));
}

/** Digits in the order in which they are read: number by number, from left to right. */
function showDigits() {
  const order = found.numbers.flatMap((number) => number.digits);
  document.getElementById("digits").replaceChildren(...order.map((index) => {
    const { label, score } = found.digits[index];
    const button = element("button");
    button.type = "button";
    button.dataset.index = index;
    button.ariaPressed = "false";
    button.append(element("b", "", `${label}`), ` ${scoreText(score, found.calibrated)}`);
    button.addEventListener("click", () => choose(index));
    const item = element("li");
    item.append(button);
    return item;
  }));
}

/** The digit under a click on the picture, the smallest where several are; null where none is. */
function digitAt(event) {
  const area = stage.querySelector(".frame").getBoundingClientRect();
  const x = ((event.clientX - area.left) / area.width) * found.width_px;
  const y = ((event.clientY - area.top) / area.height) * found.height_px;
  const under = found.digits.flatMap(({ box: [left, top, right, bottom] }, index) =>
    x >= left && x < right && y >= top && y < bottom ? [{ index, area: (right - left) * (bottom - top) }] : []);
  return under.toSorted((a, b) => a.area - b.area)[0]?.index ?? null;
}

/** Shows the details of a digit; null, or the one that is shown, for none. */
function choose(index) {
  chosen = index === chosen ? null : index;
  for (const button of document.querySelectorAll("#digits button")) {
    button.ariaPressed = `${Number(button.dataset.index) === chosen}`;
  }
  drawBoxes();
  showDetails();
}

function showDetails() {
  document.getElementById("details").hidden = chosen === null;
  if (chosen === null) return;
  const { label, score, box } = found.digits[chosen];
  const [left, top, right, bottom] = box;
  const number = found.numbers.find(({ digits }) => digits.includes(chosen));
  const facts = {
    digit: label,
    score: score.toFixed(4),
    number: number?.text ?? "none",
    left: `${left.toFixed(1)} px`,
    top: `${top.toFixed(1)} px`,
    width: `${(right - left).toFixed(1)} px`,
    height: `${(bottom - top).toFixed(1)} px`,
  };
  document.getElementById("facts").replaceChildren(
    ...Object.entries(facts).flatMap(([name, value]) => [element("dt", "", name), element("dd", "", `${value}`)]),
  );
  drawCloseUp(box, label);
}

/** The digit with a little of what is around it, once the browser has the picture. */
async function drawCloseUp([left, top, right, bottom], label) {
  const canvas = document.getElementById("close-up");
  canvas.ariaLabel = `the ${label} up close`;
  [canvas.width, canvas.height] = [192, 256];
  const [picture, index] = [stage.querySelector("img"), chosen];
  const side = 1.25 * Math.max((right - left) / 192, (bottom - top) / 256);
  const [width, height] = [192 * side, 256 * side];
  const shown = await picture.decode().then(() => true, () => false);
  if (!shown || chosen !== index) return;
  const scale = picture.naturalWidth / found.width_px;
  const from = [(left + right - width) / 2, (top + bottom - height) / 2, width, height].map((edge) => edge * scale);
  canvas.getContext("2d").drawImage(picture, ...from, 0, 0, 192, 256);
}

/** The clipboard of browsers is there on this machine and over TLS alone; elsewhere the old way must do. */
async function copyJson() {
  const text = document.getElementById("json").textContent;
  const copied = navigator.clipboard
    ? await navigator.clipboard.writeText(text).then(() => true, () => false)
    : copySelected();
  document.getElementById("copied").textContent = copied ? "Copied." : "The browser does not allow it: copy it from below.";
}

function copySelected() {
  const details = document.querySelector(".export details");
  details.open = true;
  getSelection().selectAllChildren(document.getElementById("json"));
  return document.execCommand("copy");
}

document.getElementById("copy").addEventListener("click", copyJson);
new ResizeObserver(drawBoxes).observe(stage);
