// The map: a point where each camera stood. Points and cards light each other up.

const mapPanel = document.getElementById("map");
const drawing = document.getElementById("map-drawing");
const CELL_PX = 6;
let mapView = null;
let mapped = [];
let spots = [];
let lit = new Set();
let onSpot = () => {};

/** Shows these images on the map; `chosenSpot` is called with the images of a point that is clicked. */
function showMap(list, chosenSpot) {
  mapped = list.filter((image) => image.latitude !== undefined);
  onSpot = chosenSpot;
  mapView ??= fittingView();
  drawMap();
}

function fittingView() {
  const list = (mapped.length ? mapped : located).map(projected);
  return fitting(list, drawing.clientWidth || 400, drawing.clientHeight || 400);
}

function onScreen(point) {
  const scale = TILE_PX * 2 ** mapView.zoom;
  return {
    x: drawing.clientWidth / 2 + (point.x - mapView.x) * scale,
    y: drawing.clientHeight / 2 + (point.y - mapView.y) * scale,
  };
}

/** Images whose points would cover each other are one spot. */
function spotsOf(list) {
  const cells = new Map();
  for (const image of list) {
    const { x, y } = onScreen(projected(image));
    if (x < -20 || y < -20 || x > drawing.clientWidth + 20 || y > drawing.clientHeight + 20) continue;
    const cell = `${Math.round(x / CELL_PX)},${Math.round(y / CELL_PX)}`;
    if (cells.has(cell)) cells.get(cell).images.push(image);
    else cells.set(cell, { x, y, images: [image] });
  }
  return [...cells.values()];
}

function drawMap() {
  spots = spotsOf(mapped);
  for (const spot of spots) spot.mark = markOf(spot);
  const labels = shape("g", { class: "spot-labels" });
  labels.append(...labelsOf(spots));
  drawing.replaceChildren(...tiles(), ...nearCircle(), ...spots.map((spot) => spot.mark), labels, scaleBar(), northArrow());
  drawing.setAttribute("aria-label", `Map of ${mapped.length.toLocaleString("en")} images, north is up`);
  showLit();
}

function markOf(spot) {
  const mark = shape("g", { class: "spot", transform: `translate(${spot.x} ${spot.y})` });
  for (const image of spot.images.slice(0, 8)) {
    const heading = image.heading_deg ?? image.magnetic_heading_deg;
    if (heading === undefined) continue;
    const kind = image.heading_deg === undefined ? "heading magnetic" : "heading";
    mark.append(shape("path", { class: kind, d: "M0 -5V-15", transform: `rotate(${heading})` }));
  }
  mark.append(shape("circle", { r: spot.images.length > 1 ? 6 : 4.5 }), shape("title", {}, spotTitle(spot)));
  mark.addEventListener("pointerenter", () => light(spot.images));
  mark.addEventListener("pointerleave", () => light([]));
  mark.addEventListener("click", () => onSpot(spot.images));
  return mark;
}

function spotTitle({ images: [first, ...others] }) {
  const numbers = first.numbers.map((number) => number.text).join(", ") || "no number";
  return `${numbers}: ${nameOf(first)}${others.length ? ` and ${others.length} more` : ""}`;
}

/** The best number beside each spot, where it covers neither a spot nor another number. */
function labelsOf(list) {
  const taken = list.map(({ x, y }) => ({ left: x - 5, top: y - 5, right: x + 5, bottom: y + 5 }));
  const made = [];
  for (const { x, y, images: here } of list) {
    const best = here.flatMap((image) => image.numbers).toSorted((a, b) => b.score - a.score)[0];
    if (!best) continue;
    const box = { left: x + 8, top: y - 8, right: x + 12 + 8 * best.text.length, bottom: y + 8 };
    if (taken.some((other) => box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom)) continue;
    taken.push(box);
    made.push(shape("text", { x: x + 9, y: y + 4 }, best.text));
  }
  return made;
}

/** What is within the distance that is asked for. */
function nearCircle() {
  if (!state.near || !state.within) return [];
  const centre = onScreen(projected(placeOf(state.near)));
  return [shape("circle", { class: "near", cx: centre.x, cy: centre.y, r: state.within / metresPerPixel(mapView) })];
}

function scaleBar() {
  const metres = roundLength(110 * metresPerPixel(mapView));
  const width = metres / metresPerPixel(mapView);
  const bar = shape("g", { class: "scale", transform: `translate(14 ${drawing.clientHeight - 14})` });
  bar.append(shape("path", { d: `M0 -5V0H${width}V-5` }), shape("text", { x: width / 2, y: -7 }, lengthText(metres)));
  return bar;
}

function northArrow() {
  const arrow = shape("g", { class: "north", transform: `translate(${drawing.clientWidth - 22} 30)` });
  arrow.append(shape("path", { d: "M0 -16L6 6L0 2L-6 6Z" }), shape("text", { x: 0, y: 20 }, "N"));
  return arrow;
}

/** Pictures of a tile server below the points, if the page was made with one. */
function tiles() {
  const address = mapPanel.dataset.tiles;
  if (!address) return [];
  const level = Math.max(0, Math.min(19, Math.round(mapView.zoom)));
  const [count, size] = [2 ** level, TILE_PX * 2 ** (mapView.zoom - level)];
  const [across, down] = [drawing.clientWidth / 2 / size, drawing.clientHeight / 2 / size];
  const made = [];
  for (let y = Math.max(0, Math.floor(mapView.y * count - down)); y < Math.min(count, mapView.y * count + down); y += 1) {
    for (let x = Math.floor(mapView.x * count - across); x < mapView.x * count + across; x += 1) {
      const place = { z: level, x: ((x % count) + count) % count, y };
      const corner = onScreen({ x: x / count, y: y / count });
      const href = address.replace(/\{([zxy])\}/g, (_, name) => place[name]);
      made.push(shape("image", { href, x: corner.x, y: corner.y, width: size + 0.5, height: size + 0.5 }));
    }
  }
  return made;
}

/** Lights up the points and the cards of these images, and no others. */
function light(list) {
  lit = new Set(list);
  showLit();
}

function showLit() {
  for (const spot of spots) spot.mark.classList.toggle("lit", spot.images.some((image) => lit.has(image)));
  for (const [image, card] of shownCards) card.classList.toggle("lit", lit.has(image));
}

function zoomMap(step) {
  mapView.zoom = Math.max(0, Math.min(22, mapView.zoom + step));
  drawMap();
}

/** Drags the map under the pointer; a click that hardly moves is none. */
function dragMap(begin) {
  if (begin.button !== 0) return;
  const from = { x: mapView.x, y: mapView.y };
  const move = (event) => {
    const scale = TILE_PX * 2 ** mapView.zoom;
    const [dx, dy] = [event.clientX - begin.clientX, event.clientY - begin.clientY];
    if (Math.hypot(dx, dy) < 4) return;
    Object.assign(mapView, { x: from.x - dx / scale, y: from.y - dy / scale });
    drawMap();
  };
  window.addEventListener("pointermove", move);
  window.addEventListener("pointerup", () => window.removeEventListener("pointermove", move), { once: true });
}

if (located.length) {
  mapPanel.hidden = false;
  document.body.classList.add("with-map");
  for (const [id, act] of [
    ["map-closer", () => zoomMap(1)],
    ["map-farther", () => zoomMap(-1)],
    ["map-all", () => {
      mapView = fittingView();
      drawMap();
    }],
  ]) {
    document.getElementById(id).addEventListener("click", act);
  }
  drawing.addEventListener("pointerdown", dragMap);
  drawing.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoomMap(event.deltaY < 0 ? 0.5 : -0.5);
  }, { passive: false });
  new ResizeObserver(() => mapView && drawMap()).observe(drawing);
}
