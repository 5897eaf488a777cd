// The rows that the page holds, and what was found in them altogether.

/** What is known of how the rows were made: see `Provenance`. */
const origin = JSON.parse(document.getElementById("origin").textContent);

const images = JSON.parse(document.getElementById("rows").textContent).map((row) => ({
  ...row,
  calibrated: origin.calibrated,
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

const dateText = (day) =>
  new Date(`${day}T00:00:00Z`).toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });

/** Which model found the numbers, when, and which digits it kept. */
function originText() {
  const by = origin.models.join(" and ") || "digit-detector";
  const found = `Found by ${by} on ${dateText(origin.made_on)}`;
  if (!origin.rule_is_known) return `${found}.`;
  return origin.min_score === null
    ? `${found}, with the model's own thresholds.`
    : `${found}: digits with a score of ${scoreText(origin.min_score, origin.calibrated)} or more.`;
}
