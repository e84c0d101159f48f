// What a saved notebook shows where a widget was: a line, and a picture that the
// widget sends to Python once it is drawn.

const WIDTH = 480;

/** The line that stands before a widget; none in the built book. */
function lineBefore(el) {
  const follows = (one) => one.compareDocumentPosition(el) & Node.DOCUMENT_POSITION_FOLLOWING;
  return [...document.querySelectorAll(".ode-saved")].filter(follows).at(-1);
}

/** The first picture of a widget as a JPEG in a data address. */
function pictureOf(root) {
  const canvas = root.querySelector("canvas");
  const small = document.createElement("canvas");
  small.width = Math.min(WIDTH, canvas.width);
  small.height = Math.round((small.width * canvas.height) / canvas.width);
  const ctx = small.getContext("2d");
  ctx.fillStyle = getComputedStyle(root).backgroundColor;
  ctx.fillRect(0, 0, small.width, small.height);
  ctx.drawImage(canvas, 0, 0, small.width, small.height);
  return small.toDataURL("image/jpeg", 0.85);
}

/** Hide the line while the widget stands; where it is kept, send a picture. */
export function keepPicture(python, root) {
  const line = lineBefore(root);
  if (!line) return;
  // JupyterLab draws the line anew with its picture: a style beside it hides it.
  if (!root.closest(".jp-OutputArea-child")) line.hidden = true;
  else if (!python.get("still")) {
    python.set("still", pictureOf(root));
    python.save_changes();
  }
}
