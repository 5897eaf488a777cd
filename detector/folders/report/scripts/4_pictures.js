// An image with the boxes of its digits and numbers over it, sharp at every size.

const SVG = "http://www.w3.org/2000/svg";

function shape(tag, attributes, text = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

function outline([left, top, right, bottom], className, grow = 0) {
  const place = { x: left - grow, y: top - grow, width: right - left + 2 * grow, height: bottom - top + 2 * grow };
  return [shape("rect", { ...place, class: "shadow" }), shape("rect", { ...place, class: className })];
}

const tagWidth = (text, size) => size * (0.58 * text.length + 0.6);
const tagHeight = (size) => size * 1.3;

/** A tag at (left, top), moved into the image; in its pixels, like `size`, the height of the letters. */
function tag(text, left, top, className, size, image) {
  const [width, height] = [tagWidth(text, size), tagHeight(size)];
  const x = Math.max(0, Math.min(left, image.width_px - width));
  const y = Math.max(0, Math.min(top, image.height_px - height));
  const letters = { x: x + width / 2, y: y + height / 2, "font-size": size, class: "letters" };
  return [shape("rect", { x, y, width, height, rx: size / 5, class: `tag ${className}` }), shape("text", letters, text)];
}

/** The number above its frame, or below it where there is no room above; its digits' scores on the other side. */
function tags(number, image, pixel, withDigits) {
  const [left, top, , bottom] = number.box;
  const [margin, height] = [6 * pixel, tagHeight(14 * pixel)];
  const above = top - margin - height >= 0;
  const made = tag(number.text, left - margin / 2, above ? top - margin - height : bottom + margin, "number", 14 * pixel, image);
  if (!withDigits) return made;
  for (const digit of number.digits.map((index) => image.digits[index])) {
    const [text, size] = [`${percent(digit.score)}%`, 11 * pixel];
    const middle = (digit.box[0] + digit.box[2] - tagWidth(text, size)) / 2;
    made.push(...tag(text, middle, above ? bottom + margin : top - margin - tagHeight(size), "digit", size, image));
  }
  return made;
}

/**
 * All boxes, and tags at some of the numbers.
 * @param pixel how many of the image's pixels are one pixel of the screen.
 */
function overlay(image, pixel, tagged, withDigits) {
  const drawing = shape("svg", { viewBox: `0 0 ${image.width_px} ${image.height_px}`, "aria-hidden": "true" });
  for (const digit of image.digits) drawing.append(...outline(digit.box, "digit"));
  for (const number of image.numbers) drawing.append(...outline(number.box, "number", 3 * pixel));
  for (const number of tagged) drawing.append(...tags(number, image, pixel, withDigits));
  return drawing;
}

function frame(image, source, drawing, alt) {
  const made = element("span", "frame");
  made.style.setProperty("--ratio", image.width_px / image.height_px);
  const picture = element("img");
  Object.assign(picture, { loading: "lazy", decoding: "async", alt, width: image.width_px, height: image.height_px });
  picture.src = source;
  made.append(picture, drawing);
  return made;
}

/** What stands where there is no picture. */
function placeholder(image) {
  const made = element("span", image.error ? "placeholder error" : "placeholder");
  const reason = image.error?.message ?? "the picture was not there when this page was made";
  made.append(element("b", "", image.error?.code ?? "no picture"), element("span", "", reason));
  return made;
}

function plate(number) {
  const made = element("span", "reading");
  made.append(element("span", "plate", number.text), element("span", "score", `${percent(number.score)}%`));
  made.style.setProperty("--score", number.score);
  return made;
}

/** The card of one image with the best of these of its numbers; `open` is called when it is clicked. */
function card(image, numbers, open) {
  const made = document.getElementById("card").content.cloneNode(true).firstElementChild;
  const pixel = Math.max(image.width_px / 240, image.height_px / 180);
  const media = made.querySelector(".media");
  const best = numbers.slice(0, 3);
  media.append(
    image.picture ? frame(image, image.thumbnail, overlay(image, pixel, best, false), "") : placeholder(image),
  );
  const plates = made.querySelector(".plates");
  plates.append(...best.map(plate));
  if (image.numbers.length > best.length) plates.append(element("span", "more", `+${image.numbers.length - best.length}`));
  if (!image.numbers.length && !image.error) plates.append(element("span", "more", "no number"));
  const name = made.querySelector(".name");
  name.textContent = nameOf(image);
  name.title = nameOf(image);
  made.querySelector(".open").addEventListener("click", open);
  return made;
}
