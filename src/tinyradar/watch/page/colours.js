// 256 colours whose lightness rises evenly: a straight line in the L of OKLab (B. Ottosson, 2020),
// hue from violet over red to yellow, chroma as large as sRGB can show, at most 0.17.

const START = { light: 0.13, hue: 285 }, END = { light: 0.97, hue: 460 };

function linear(light, chroma, hue) {
  const angle = hue * Math.PI / 180;
  const a = chroma * Math.cos(angle), b = chroma * Math.sin(angle);
  const l = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s,
  ];
}

function encoded(value) {
  const x = Math.min(1, Math.max(0, value));
  return Math.round(255 * (x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055));
}

function colour(share) {
  const light = START.light + share * (END.light - START.light);
  const hue = START.hue + share * (END.hue - START.hue);
  let chroma = 0.17, rgb = linear(light, chroma, hue);
  while (chroma > 0 && rgb.some((v) => v < 0 || v > 1)) {
    chroma -= 0.002;
    rgb = linear(light, Math.max(0, chroma), hue);
  }
  const [red, green, blue] = rgb.map(encoded);
  return red | green << 8 | blue << 16 | 255 << 24;
}

const SCALE = Uint32Array.from({ length: 256 }, (_, i) => colour(i / 255));

/** Of a byte of a map its colour: the root of the strength, so that weak echoes are seen too. */
export const OF_BYTE = Uint32Array.from(
  { length: 256 }, (_, i) => SCALE[Math.round(Math.sqrt(i / 255) * 255)]);

/** The colour scale as a strip, and its ticks: shares of full scale at even distances. */
export function drawScale(canvas, ticks) {
  const pixels = new ImageData(256, 1);
  new Uint32Array(pixels.data.buffer).set(SCALE);
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  for (const root of [0, 0.25, 0.5, 0.75, 1]) {
    const tick = document.createElement("span");
    tick.textContent = `${Math.round(100 * root * root)} %`;
    tick.style.left = `${100 * root}%`;
    ticks.append(tick);
  }
}
