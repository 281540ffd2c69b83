// The maps of both sensors: velocity upwards, range to the right.

import { OF_BYTE } from "./colours.js";

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function tick(text, side, share) {
  const made = element("span", "", text);
  made.style[side] = `${100 * share}%`;
  return made;
}

export class Maps {
  /** `shape` = {sensors, bins, points}; `session` gives the axes. */
  constructor(place, shape, session) {
    this.shape = shape;
    this.rows = Boolean(session.rows);
    this.canvases = [];
    place.replaceChildren();
    for (let sensor = 0; sensor < shape.sensors; sensor++) {
      place.append(this.#figure(sensor, session));
    }
  }

  /** Rows of values over frames, the first row on top. */
  #rows(session) {
    const { bins, points } = this.shape;
    const figure = element("figure", "map rows"), caption = element("figcaption", "");
    caption.append(element("b", "", "a frame a column"), element("span", "", "frame"));
    const names = element("div", "upwards"), along = element("div", "along");
    const plot = element("div", "plot"), canvas = element("canvas", "");
    session.rows.forEach((name, i) => names.append(tick(name, "top", (i + 0.5) / bins)));
    for (let frame = 0; frame < points; frame += 5) {
      along.append(tick(String(frame + 1), "left", (frame + 0.5) / points));
    }
    canvas.width = points;
    canvas.height = bins;
    canvas.setAttribute("role", "img");
    this.canvases.push(canvas);
    plot.append(canvas);
    figure.append(caption, names, plot, along);
    return figure;
  }

  #figure(sensor, session) {
    if (session.rows) return this.#rows(session);
    const { bins, points } = this.shape;
    const figure = element("figure", "map");
    const caption = element("figcaption", "");
    caption.append(
      element("b", "", `sensor ${sensor}`),
      element("span", "", `velocity in m/s${session.recordings.every((r) => r.simulated)
        ? " (up: towards the sensor)" : ""} over range in cm`));
    const upwards = element("div", "upwards"), along = element("div", "along");
    const plot = element("div", "plot"), canvas = element("canvas", "");
    const at = (v) => (bins / 2 - 0.5 - v / session.velocity_step) / bins;
    for (const v of [-0.15, -0.1, -0.05, 0, 0.05, 0.1, 0.15]) {
      const text = v ? `${v > 0 ? "+" : "\u2212"}${Math.abs(v)}` : "0";
      upwards.append(tick(text, "top", at(v)));
    }
    const still = element("i", "");
    still.style.top = `${100 * at(0)}%`;
    const [start, step] = session.range_m;
    for (let cm = Math.ceil(start * 100); cm < (start + points * step) * 100; cm++) {
      if (cm % 5) continue;
      along.append(tick(String(cm), "left", ((cm / 100 - start) / step + 0.5) / points));
    }
    canvas.width = points;
    canvas.height = bins;
    canvas.setAttribute("role", "img");
    this.canvases.push(canvas);
    plot.append(canvas, still);
    figure.append(caption, upwards, plot, along);
    return figure;
  }

  /** Draws window `frame` of `bytes` [windows, sensors, bins, points]. */
  draw(bytes, frame, count) {
    const { sensors, bins, points } = this.shape;
    for (let sensor = 0; sensor < sensors; sensor++) {
      const pixels = new ImageData(points, bins);
      const out = new Uint32Array(pixels.data.buffer);
      const first = (frame * sensors + sensor) * bins * points;
      for (let bin = 0; bin < bins; bin++) {
        const from = first + bin * points, to = (this.rows ? bin : bins - 1 - bin) * points;
        for (let i = 0; i < points; i++) out[to + i] = OF_BYTE[bytes[from + i]];
      }
      const canvas = this.canvases[sensor];
      canvas.getContext("2d").putImageData(pixels, 0, 0);
      canvas.setAttribute(
        "aria-label", this.rows ? `Trace up to frame ${frame + 1} of ${count}`
          : `Range-Doppler map of sensor ${sensor}, frame ${frame + 1} of ${count}`);
    }
  }
}
