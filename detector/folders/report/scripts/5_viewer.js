// One image at full size in a dialog, with its neighbours an arrow key away.

const viewer = document.getElementById("viewer");
const stage = document.getElementById("stage");
let shown = [];
let place = 0;
let zoom = 1;
let afterClosing = () => {};

/** @param list the images to leaf through; `closed` is called with the place of the last one that was shown. */
function openViewer(list, start, closed) {
  shown = list;
  afterClosing = closed;
  viewer.showModal();
  view(start);
}

function view(next) {
  if (next < 0 || next >= shown.length) return;
  place = next;
  zoom = 1;
  const image = shown[place];
  document.getElementById("viewer-name").textContent = nameOf(image);
  document.getElementById("viewer-place").textContent =
    `${(place + 1).toLocaleString("en")} of ${shown.length.toLocaleString("en")}`;
  document.getElementById("viewer-previous").disabled = place === 0;
  document.getElementById("viewer-next").disabled = place === shown.length - 1;
  showFindings(image);
  showFacts(image);
  showPicture();
}

function showPicture() {
  const image = shown[place];
  if (!image.picture) {
    stage.replaceChildren(placeholder(image));
    return;
  }
  const scale = fittingScale(image) * zoom;
  let picture = stage.querySelector(".frame");
  const source = new URL(image.picture, document.baseURI).href;
  const drawing = overlay(image, 1 / scale, image.numbers, true);
  if (picture?.querySelector("img").src === source) {
    picture.querySelector("svg").replaceWith(drawing);
  } else {
    const texts = image.numbers.map((number) => number.text).join(", ");
    picture = frame(image, source, drawing, texts ? `numbers found: ${texts}` : "no number found");
    stage.replaceChildren(picture);
  }
  picture.style.width = `${image.width_px * scale}px`;
  picture.style.height = `${image.height_px * scale}px`;
}

/** Pixels of the screen for one of the image, so that all of it can be seen; small images are enlarged. */
function fittingScale(image) {
  const room = [stage.clientWidth / image.width_px, stage.clientHeight / image.height_px];
  return Math.min(...room, 8);
}

/** @param centre the point of the image, as parts of its width and height, that stays in the middle. */
function zoomTo(factor, centre = [0.5, 0.5]) {
  if (!shown[place].picture) return;
  zoom = Math.max(1, Math.min(32, factor));
  showPicture();
  const picture = stage.querySelector(".frame");
  stage.scrollTo({
    left: picture.offsetWidth * centre[0] - stage.clientWidth / 2,
    top: picture.offsetHeight * centre[1] - stage.clientHeight / 2,
  });
}

function middle() {
  const picture = stage.querySelector(".frame");
  return [
    (stage.scrollLeft + stage.clientWidth / 2) / Math.max(picture.offsetWidth, stage.clientWidth),
    (stage.scrollTop + stage.clientHeight / 2) / Math.max(picture.offsetHeight, stage.clientHeight),
  ];
}

/** Zooms until the number fills about a third of the stage. */
function zoomToNumber(image, [left, top, right, bottom]) {
  const room = Math.min(stage.clientWidth / (right - left), stage.clientHeight / (bottom - top));
  const centre = [(left + right) / 2 / image.width_px, (top + bottom) / 2 / image.height_px];
  zoomTo(room / 3 / fittingScale(image), centre);
}

function showFindings(image) {
  const list = document.getElementById("findings");
  list.replaceChildren();
  for (const number of image.numbers) {
    const button = element("button", "finding");
    button.type = "button";
    button.title = "Zoom in";
    button.append(plate(number, image.calibrated), digitList(number, image));
    button.addEventListener("click", () => zoomToNumber(image, number.box));
    const item = element("li");
    item.append(button);
    list.append(item);
  }
}

/** Each digit of a number with its score. */
function digitList(number, image) {
  const made = element("span", "digits");
  for (const { label, score } of number.digits.map((index) => image.digits[index])) {
    const digit = element("span", "digit");
    digit.append(element("b", "", `${label}`), ` ${scoreText(score, image.calibrated)}`);
    made.append(digit);
  }
  return made;
}

function showFacts(image) {
  const facts = document.getElementById("facts");
  facts.replaceChildren();
  if (image.error) return;
  const digits = image.digits.length;
  facts.append(`${image.width_px} × ${image.height_px} px, ${digits} digit${digits === 1 ? "" : "s"}`);
  if (image.original) {
    const link = element("a", "", image.frame === undefined ? "original file" : "original video");
    link.href = image.original;
    link.target = "_blank";
    link.rel = "noopener";
    facts.append(" · ", link);
  }
  showPlace(image, facts);
}

/** When and where the picture was taken, and a way to the others from there. */
function showPlace(image, facts) {
  if (image.captured_at) facts.append(element("span", "line", image.captured_at.replace("T", " ")));
  if (image.latitude === undefined) return;
  const accuracy = image.accuracy_m === undefined ? "" : ` ± ${image.accuracy_m} m`;
  facts.append(element("span", "line", `${image.latitude}, ${image.longitude}${accuracy}`));
  for (const [name, north] of [["heading_deg", "true"], ["magnetic_heading_deg", "magnetic"]]) {
    if (image[name] !== undefined) facts.append(element("span", "line", `looks ${image[name]}° from ${north} north`));
  }
  const near = element("button", "near", "images within 50 m");
  near.type = "button";
  near.addEventListener("click", () => {
    viewer.close();
    ask({ near: `${image.latitude},${image.longitude}`, within: 50 });
  });
  facts.append(near);
}

const KEYS_OF_VIEWER = {
  ArrowLeft: () => view(place - 1),
  ArrowRight: () => view(place + 1),
  "+": () => zoomTo(zoom * 1.5, middle()),
  "-": () => zoomTo(zoom / 1.5, middle()),
};

viewer.addEventListener("keydown", (event) => {
  const scrolls = event.target === stage && zoom > 1 && event.key.startsWith("Arrow");
  if (scrolls || event.ctrlKey || event.metaKey || event.altKey || !KEYS_OF_VIEWER[event.key]) return;
  event.preventDefault();
  KEYS_OF_VIEWER[event.key]();
});
for (const [id, key] of [
  ["viewer-previous", "ArrowLeft"],
  ["viewer-next", "ArrowRight"],
  ["zoom-in", "+"],
  ["zoom-out", "-"],
]) {
  document.getElementById(id).addEventListener("click", KEYS_OF_VIEWER[key]);
}
document.getElementById("viewer-close").addEventListener("click", () => viewer.close());
viewer.addEventListener("click", (event) => event.target === viewer && viewer.close());
viewer.addEventListener("close", () => {
  stage.replaceChildren();
  afterClosing(place);
});
window.addEventListener("resize", () => viewer.open && showPicture());
