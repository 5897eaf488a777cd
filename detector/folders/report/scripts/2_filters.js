// What is asked for: kept in the page's address, so that reloading, going back and bookmarks keep it.

const PAGE_SIZE = 60;
const DEFAULTS = { show: "all", number: "", whole: false, min: 0, max: 100, near: "", within: 0, sort: "found", page: 1 };

function stateFromAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const state = { ...DEFAULTS };
  for (const [name, value] of asked) {
    if (!Object.hasOwn(DEFAULTS, name)) continue;
    if (typeof DEFAULTS[name] === "number") state[name] = Math.trunc(Number(value)) || 0;
    else state[name] = typeof DEFAULTS[name] === "boolean" ? value === "true" : value;
  }
  return state;
}

function stateToAddress(state) {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) {
    if (value !== DEFAULTS[name]) asked.set(name, value);
  }
  history.replaceState(null, "", `#${asked}`);
}

/** Whether numbers and scores narrow the choice; they have no meaning for images that have none. */
function asksForNumbers(state) {
  const narrowed = state.number !== "" || state.min > 0 || state.max < 100;
  return narrowed && !["none", "errors"].includes(state.show);
}

function numberFits(number, state) {
  const text = state.number.trim();
  const fits = state.whole && text ? number.text === text : number.text.includes(text);
  return fits && percent(number.score) >= state.min && percent(number.score) <= state.max;
}

/** The place in "latitude,longitude"; the equator's beginning for anything else. */
function placeOf(text) {
  const [latitude, longitude] = text.split(",").map((part) => Number(part) || 0);
  return { latitude, longitude: longitude ?? 0 };
}

/** How many filters are not as they are at first; the order is none. */
function filtersInUse(state) {
  return ["show", "number", "min", "max", "within"].filter((name) => state[name] !== DEFAULTS[name]).length;
}

/** Whether the camera stood within the distance that is asked for. */
function isNear(image, state) {
  if (!state.near || !(state.within > 0)) return true;
  return image.latitude !== undefined && distance(image, placeOf(state.near)) <= state.within;
}

function imageIsShown(image, state) {
  switch (state.show) {
    case "numbers":
      return image.numbers.length > 0;
    case "none":
      return !image.error && image.numbers.length === 0;
    case "errors":
      return Boolean(image.error);
    default:
      return true;
  }
}

/** Images without a number go last, but for the plain order of the results, which equal ones keep. */
const KEYS = {
  __proto__: null,
  found: () => 0,
  sure: (numbers) => -Math.max(...numbers.map((number) => number.score)),
  unsure: (numbers) => Math.min(...numbers.map((number) => number.score)),
  number: (numbers) => Math.min(...numbers.map((number) => Number(number.text))),
};

/** The images that are asked for, in the order that is asked for; each with its numbers that fit, best first. */
function select(state) {
  const narrowed = asksForNumbers(state);
  const chosen = [];
  for (const image of images) {
    if (!imageIsShown(image, state) || !isNear(image, state)) continue;
    const fitting = narrowed ? image.numbers.filter((number) => numberFits(number, state)) : image.numbers;
    if (narrowed && !fitting.length) continue;
    const key = KEYS[state.sort] && (fitting.length ? KEYS[state.sort](fitting) : Infinity);
    chosen.push({ image, numbers: fitting.toSorted((a, b) => b.score - a.score), key });
  }
  if (KEYS[state.sort]) chosen.sort((a, b) => (a.key === b.key ? 0 : a.key - b.key));
  return chosen;
}
