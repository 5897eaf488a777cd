// The rows that the page holds, and what was found in them altogether.
"use strict";

const images = JSON.parse(document.getElementById("rows").textContent).map((row) => ({
  ...row,
  digits: (row.digits ?? []).map(([label, score, box]) => ({ label, score, box })),
  numbers: (row.numbers ?? []).map(([text, score, box, digits]) => ({ text, score, box, digits })),
}));

const allNumbers = images.flatMap((image) => image.numbers);

function totals() {
  const read = images.filter((image) => !image.error);
  return {
    images: images.length,
    "with numbers": read.filter((image) => image.numbers.length).length,
    numbers: allNumbers.length,
    digits: read.reduce((sum, image) => sum + image.digits.length, 0),
    "not read": images.length - read.length,
  };
}

/** How many of `values` fall into each bin; `binOf` gives a bin's index. */
function histogram(values, binCount, binOf) {
  const bins = new Array(binCount).fill(0);
  for (const value of values) bins[Math.min(binCount - 1, binOf(value))] += 1;
  return bins;
}

/** What an image is called; a frame of a video with its second. */
function nameOf(image) {
  return image.frame === undefined ? image.image : `${image.image}, ${image.time_s} s`;
}

/** A score as whole per cent, rounded down: only a score of 1 is 100. All that the page shows and compares. */
function percent(score) {
  return Math.floor(score * 100 + 1e-9);
}

/** An element with text in it: never markup, whatever a file is called. */
function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}
