// Totals and histograms of the whole folder. A bar is a button: it asks for what it counts.

function showTotals() {
  const list = document.getElementById("totals");
  for (const [name, count] of Object.entries(totals())) {
    const tile = element("div", name === "not read" && count ? "tile warning" : "tile");
    tile.append(element("dt", "", name), element("dd", "", count.toLocaleString("en")));
    list.append(tile);
  }
}

/** The end of an axis for counts up to `most`: a round number not far above it. */
function axisEnd(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return power * [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10].find((factor) => factor * power >= most);
}

/** The counts at the axis's ticks: its ends, and its middle where that is a count. */
function axis(end) {
  const made = element("div", "axis");
  made.ariaHidden = "true";
  for (const count of [end, end / 2, 0].filter(Number.isInteger)) {
    const tick = element("span", "tick", count.toLocaleString("en"));
    tick.style.setProperty("--part", count / end);
    made.append(tick);
  }
  return made;
}

/** @param bars {label, description, count, asks} of each bar; `asks` is what a click puts into the state. */
function showBars(id, bars, ask) {
  const end = axisEnd(Math.max(1, ...bars.map((bar) => bar.count)));
  const place = element("div", "bars");
  for (const { label, description, count, asks } of bars) {
    const bar = element(asks ? "button" : "div", "bar");
    if (asks) bar.type = "button";
    else bar.role = "img";
    bar.title = `${description}: ${count.toLocaleString("en")}`;
    bar.ariaLabel = bar.title;
    const column = element("span", "column");
    column.style.setProperty("--part", count / end);
    bar.append(column, element("span", "label", label));
    if (asks) bar.addEventListener("click", () => ask(asks));
    place.append(bar);
  }
  document.getElementById(id).append(axis(end), place);
}

const rangeText = (low, high) => [low, high].map((score) => hundredthText(score, origin.calibrated)).join(" to ");

function showCharts(ask) {
  document.getElementById("score-unit").textContent = origin.calibrated ? ", in per cent" : "";
  const scores = histogram(allNumbers, 10, (number) => Math.floor(percent(number.score) / 10));
  showBars(
    "score-bars",
    scores.map((count, bin) => ({
      label: origin.calibrated ? `${bin * 10}` : (bin / 10).toFixed(1),
      description: `numbers with a score from ${rangeText(bin * 10, bin < 9 ? bin * 10 + 9 : 100)}`,
      count,
      asks: { min: bin * 10, max: bin < 9 ? bin * 10 + 9 : 100 },
    })),
    ask,
  );
  const digits = histogram(images.flatMap((image) => image.digits), 10, (digit) => digit.label);
  showBars(
    "digit-bars",
    digits.map((count, digit) => ({
      label: `${digit}`,
      description: `digits that are a ${digit}`,
      count,
      asks: { number: `${digit}`, whole: false },
    })),
    ask,
  );
  const lengths = histogram(allNumbers, 6, (number) => number.text.length - 1);
  showBars(
    "length-bars",
    lengths.map((count, bin) => ({
      label: bin < 5 ? `${bin + 1}` : "6+",
      description: bin < 5 ? `numbers of ${bin + 1} digit${bin ? "s" : ""}` : "numbers of 6 digits and more",
      count,
    })),
    ask,
  );
}
