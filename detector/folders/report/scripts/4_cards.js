// The card of an image in the gallery.

/** What stands where there is no picture. */
function placeholder(image) {
  const made = element("span", image.error ? "placeholder error" : "placeholder");
  const reason = image.error?.message ?? "the picture was not there when this page was made";
  made.append(element("b", "", image.error?.code ?? "no picture"), element("span", "", reason));
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
  plates.append(...best.map((number) => plate(number, image.calibrated)));
  if (image.numbers.length > best.length) plates.append(element("span", "more", `+${image.numbers.length - best.length}`));
  if (!image.numbers.length && !image.error) plates.append(element("span", "more", "no number"));
  const name = made.querySelector(".name");
  name.textContent = nameOf(image);
  name.title = nameOf(image);
  made.querySelector(".open").addEventListener("click", open);
  return made;
}
