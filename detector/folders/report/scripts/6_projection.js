// Places on a plane: Web Mercator, as tiles have it, and metres on it.

const TILE_PX = 256;
const EARTH_M = 6378137;
const radians = (degrees) => (degrees * Math.PI) / 180;

const located = images.filter((image) => image.latitude !== undefined);

/** Longitudes near that of the first image, so that a walk over the antimeridian is not torn. */
function nearbyLongitude(longitude) {
  const reference = located[0].longitude;
  return reference + ((((longitude - reference + 180) % 360) + 360) % 360) - 180;
}

/** Where a place is in a world of width and height 1, x to the east and y to the south. */
function projected({ latitude, longitude }) {
  const bounded = Math.max(-85, Math.min(85, latitude));
  const y = (1 - Math.asinh(Math.tan(radians(bounded))) / Math.PI) / 2;
  return { x: (nearbyLongitude(longitude) + 180) / 360, y };
}

/** Metres between two places, along a great circle. */
function distance(a, b) {
  const [from, to] = [radians(a.latitude), radians(b.latitude)];
  const turn = radians(b.longitude - a.longitude);
  const half = Math.sin((to - from) / 2) ** 2 + Math.cos(from) * Math.cos(to) * Math.sin(turn / 2) ** 2;
  return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(half)));
}

/** Metres that one pixel shows, in the middle of a view. */
function metresPerPixel(view) {
  const latitude = Math.atan(Math.sinh(Math.PI * (1 - 2 * view.y)));
  return (2 * Math.PI * EARTH_M * Math.cos(latitude)) / (TILE_PX * 2 ** view.zoom);
}

/** The longest of 1, 2 and 5 times a power of ten that is not longer than so many metres. */
function roundLength(metres) {
  const power = 10 ** Math.floor(Math.log10(metres));
  return power * [5, 2, 1].find((factor) => factor * power <= metres);
}

const lengthText = (metres) => (metres < 1000 ? `${metres} m` : `${metres / 1000} km`);

/** The view that shows all of these points with some room around them, never less than some 30 metres. */
function fitting(points, width, height) {
  const [xs, ys] = [points.map((point) => point.x), points.map((point) => point.y)];
  const [west, east] = [Math.min(...xs), Math.max(...xs)];
  const [north, south] = [Math.min(...ys), Math.max(...ys)];
  const scale = Math.min((width - 80) / (east - west || 1e-12), (height - 80) / (south - north || 1e-12));
  return { x: (west + east) / 2, y: (north + south) / 2, zoom: Math.max(0, Math.min(20, Math.log2(scale / TILE_PX))) };
}
