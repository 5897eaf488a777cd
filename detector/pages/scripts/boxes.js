// An image with the boxes of its digits and numbers over it, sharp at every size.
"use strict";

const SVG = "http://www.w3.org/2000/svg";

/** An element with text in it: never markup, whatever a file is called. */
function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

function shape(tag, attributes, text = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

/** A score as whole per cent, rounded down: only a score of 1 is 100. */
function percent(score) {
  return Math.floor(score * 100 + 1e-9);
}

/** A hundredth of the scale of scores as text: per cent of calibrated scores, which are probabilities; of others 0.97. */
function hundredthText(hundredth, calibrated) {
  return calibrated ? `${hundredth}%` : (hundredth / 100).toFixed(2);
}

const scoreText = (score, calibrated) => hundredthText(percent(score), calibrated);

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

/** Texts of a number's digits: each with its score, or none where not all have room for it. */
function digitTexts(digits, size, calibrated) {
  const texts = digits.map((digit) => `${digit.label}: ${scoreText(digit.score, calibrated)}`);
  const fit = digits.every(({ box }, index) => tagWidth(texts[index], size) <= 0.95 * (box[2] - box[0]));
  return fit ? texts : digits.map((digit) => `${digit.label}`);
}

/** The number above its frame, or below it where there is no room above; its digits on the other side. */
function tags(number, image, pixel, withDigits) {
  const [left, top, , bottom] = number.box;
  const [margin, height] = [6 * pixel, tagHeight(14 * pixel)];
  const above = top - margin - height >= 0;
  const made = tag(number.text, left - margin / 2, above ? top - margin - height : bottom + margin, "number", 14 * pixel, image);
  if (!withDigits) return made;
  const size = 12 * pixel;
  const digits = number.digits.map((index) => image.digits[index]);
  digitTexts(digits, size, image.calibrated).forEach((text, index) => {
    const middle = (digits[index].box[0] + digits[index].box[2] - tagWidth(text, size)) / 2;
    made.push(...tag(text, middle, above ? bottom + margin : top - margin - tagHeight(size), "digit", size, image));
  });
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

/** A number as a plate with its score beside it. */
function plate(number, calibrated) {
  const made = element("span", "reading");
  made.append(element("span", "plate", number.text), element("span", "score", scoreText(number.score, calibrated)));
  made.style.setProperty("--score", number.score);
  return made;
}
