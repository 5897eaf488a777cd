// The page as a whole: the form, the cards of one page, and the way from page to page.

const form = document.getElementById("filters");
const filterBox = document.getElementById("filter-box");
const isNarrow = window.matchMedia("(max-width: 48rem)");
const cards = document.getElementById("cards");
let state = stateFromAddress();
let chosen = [];
let shownCards = new Map();

/** Works out anew what is asked for, and shows it. */
function refresh() {
  chosen = select(state);
  showForm();
  showPage();
  if (located.length) showMap(chosen.map(({ image }) => image), chooseSpot);
}

/** A point of the map was clicked: its first card comes into view, and distances are measured from there. */
function chooseSpot(list) {
  const place = chosen.findIndex(({ image }) => image === list[0]);
  const [first] = list;
  state = { ...state, near: `${first.latitude},${first.longitude}` };
  goTo(Math.floor(place / PAGE_SIZE) + 1, false);
  showForm();
  light(list);
  cards.children[place % PAGE_SIZE].querySelector(".open").focus();
}

function showForm() {
  for (const name of ["show", "number", "min", "max", "within", "sort"]) form.elements[name].value = state[name];
  form.elements.whole.checked = state.whole;
  document.getElementById("number-filters").disabled = ["none", "errors"].includes(state.show);
  form.elements.within.disabled = !state.near;
  const range = document.getElementById("score-range");
  for (const end of ["min", "max"]) {
    const text = hundredthText(state[end], origin.calibrated);
    document.getElementById(`${end}-text`).textContent = text;
    form.elements[end].ariaValueText = text;
    range.style.setProperty(`--${end}`, state[end] / 100);
  }
  const inUse = filtersInUse(state);
  document.getElementById("filters-in-use").textContent = inUse ? `(${inUse} in use)` : "";
}

function showPage() {
  const pages = Math.max(1, Math.ceil(chosen.length / PAGE_SIZE));
  state.page = Math.max(1, Math.min(pages, state.page));
  stateToAddress(state);
  const start = (state.page - 1) * PAGE_SIZE;
  const part = chosen.slice(start, start + PAGE_SIZE);
  cards.replaceChildren(...part.map(({ image, numbers }, index) => card(image, numbers, () => look(start + index))));
  shownCards = new Map(part.map(({ image }, index) => [image, cards.children[index]]));
  for (const [image, shownCard] of shownCards) {
    for (const event of ["pointerenter", "focusin"]) shownCard.addEventListener(event, () => light([image]));
    for (const event of ["pointerleave", "focusout"]) shownCard.addEventListener(event, () => light([]));
  }
  showCount(start, part.length);
  const page = document.getElementById("page");
  Object.assign(page, { value: state.page, max: pages });
  document.getElementById("page-count").textContent = pages.toLocaleString("en");
  for (const id of ["first", "previous"]) document.getElementById(id).disabled = state.page === 1;
  for (const id of ["next", "last"]) document.getElementById(id).disabled = state.page === pages;
  document.getElementById("pages").hidden = pages === 1;
}

function showCount(start, count) {
  const all = chosen.length === images.length ? "" : ` of ${images.length.toLocaleString("en")}`;
  const range = count < chosen.length ? `, ${(start + 1).toLocaleString("en")} to ${(start + count).toLocaleString("en")} here` : "";
  const what = state.show === "errors" ? "file" : "image";
  const plural = chosen.length === 1 && !all ? "" : "s";
  document.getElementById("count").textContent = chosen.length
    ? `${chosen.length.toLocaleString("en")}${all} ${what}${plural}${range}`
    : "Nothing here is like that. Reset shows everything again.";
}

/** Opens the image at `start`; when it is closed again, the page and the card of the last one seen are in view. */
function look(start) {
  const list = chosen.map(({ image }) => image);
  openViewer(list, start, (end) => {
    const page = Math.floor(end / PAGE_SIZE) + 1;
    if (page !== state.page) goTo(page, false);
    cards.children[end % PAGE_SIZE]?.querySelector(".open").focus();
  });
}

function goTo(page, scroll = true) {
  state.page = page;
  showPage();
  if (scroll) document.getElementById("results").scrollIntoView();
}

function ask(change) {
  state = { ...state, page: 1, ...change };
  if (["none", "errors"].includes(state.show) && !("show" in change)) state.show = "all";
  refresh();
}

/** Sliders and text count as they move, all else when it is chosen. */
function heard(event) {
  const { name, type, checked, value } = event.target;
  if (!Object.hasOwn(DEFAULTS, name)) return;
  const isNumber = typeof DEFAULTS[name] === "number";
  const change = { [name]: type === "checkbox" ? checked : isNumber ? Number(value) : value };
  if (name === "min") change.max = Math.max(state.max, change.min);
  if (name === "max") change.min = Math.min(state.min, change.max);
  ask(change);
}

form.addEventListener("input", (event) => ["range", "search"].includes(event.target.type) && heard(event));
form.addEventListener("change", (event) => ["range", "search"].includes(event.target.type) || heard(event));
form.elements.within.addEventListener("change", heard);  // it stands beside the map, outside the form
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", (event) => {
  event.preventDefault();
  ask({ ...DEFAULTS });
});
document.getElementById("boxes").addEventListener("change", (event) => {
  document.body.classList.toggle("without-boxes", !event.target.checked);
});
for (const [id, page] of [
  ["first", () => 1],
  ["previous", () => state.page - 1],
  ["next", () => state.page + 1],
  ["last", () => Infinity],
]) {
  document.getElementById(id).addEventListener("click", () => goTo(page()));
}
document.getElementById("page").addEventListener("change", (event) => goTo(Math.trunc(Number(event.target.value)) || 1));
window.addEventListener("hashchange", () => {
  state = stateFromAddress();
  refresh();
});

/** On a phone the filters are one line until they are wanted. */
function foldFilters() {
  filterBox.open = !isNarrow.matches;
}

isNarrow.addEventListener("change", foldFilters);
foldFilters();
document.getElementById("origin-text").textContent = originText();
showTotals();
showCharts(ask);
refresh();
