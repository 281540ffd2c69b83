// What stands beside the maps: scores, decision, costs, the tally, the timeline. Text only, never
// markup: names of recordings come from files.

const by = (id) => document.getElementById(id);

function add(parent, name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  parent.append(made);
  return made;
}

export const best = (scores) => scores.indexOf(Math.max(...scores));
export const percent = (share) => `${Math.round(100 * share)} %`;
const verdict = (said, label) => label === null ? "said" : said === label ? "right" : "wrong";
const MARK = { right: "\u2713 ", wrong: "\u2717 ", said: "" };

/** Bars of class scores; `scores` null before the first second is over. */
export class Bars {
  constructor(gestures) {
    this.rows = gestures.map((gesture) => {
      const row = add(by("bars"), "li");
      add(row, "span", gesture);
      const bar = add(add(row, "span", "", "track"), "span");
      return { row, bar, value: add(row, "span", "", "value") };
    });
  }

  show(scores, label) {
    const top = scores && best(scores);
    this.rows.forEach(({ row, bar, value }, i) => {
      bar.style.width = scores ? `${100 * scores[i]}%` : "0";
      value.textContent = scores ? percent(scores[i]) : "\u2013";
      row.classList.toggle("best", i === top);
      row.classList.toggle("truth", i === label);
      row.title = i === label ? "the gesture that was made" : "";
    });
  }
}

/** The running answer and that of the last whole second. */
export function showAnswer(play, recording, frame, session) {
  const { gestures } = session, { label } = recording, scores = play.scores[frame];
  const made = by("made"), running = by("running"), decision = by("decision");
  made.replaceChildren();
  if (label !== null) made.append("made: ");
  add(made, "b", label === null ? "gesture not known" : gestures[label]);
  if (recording.simulated) made.append(", simulated");
  running.textContent = scores ? gestures[best(scores)] : "\u2026";
  const frames = Math.min(session.windows_a_decision, play.windows);
  add(running, "small", scores
    ? `${percent(scores[best(scores)])}, running: the last ${frames} frames`
    : `listening: frame ${frame + 1} of the first ${session.windows_a_decision}`);
  const last = play.decisions.filter((d) => d <= frame).pop();
  const said = last === undefined ? null : best(play.scores[last]);
  const kind = said === null ? "" : verdict(said, label);
  const second = play.decisions.indexOf(last) + 1;
  const unit = session.a_decision;
  const text = said === null ? `No whole ${unit.toLowerCase()} yet`
    : `${MARK[kind]}${unit} ${second}: ${gestures[said]}${label === null ? "" : `, ${kind}`}`;
  if (decision.textContent !== text) decision.textContent = text;  // a screen reader says it once
  decision.className = kind;
}

/** Seconds and frames of a recording; what has passed is coloured by its answer. */
export class Timeline {
  load(play, recording, session) {
    const seconds = by("seconds"), frames = by("frames");
    this.play = play;
    this.label = recording.label;
    this.gestures = session.gestures;
    for (const track of [seconds, frames]) track.replaceChildren();
    let start = 0;
    this.blocks = play.decisions.map((end) => {
      const block = add(seconds, "span");
      block.style.gridColumn = `span ${end + 1 - start}`;
      start = end + 1;
      return { block, end };
    });
    if (start < play.windows) {
      add(seconds, "span", "", "rest").style.gridColumn = `span ${play.windows - start}`;
    }
    this.frames = play.scores.map((scores) => ({
      cell: add(frames, "span"), kind: scores ? verdict(best(scores), this.label) : "",
    }));
    by("seek").max = String(play.windows - 1);
  }

  show(frame, seconds) {
    for (const { block, end } of this.blocks) {
      const said = best(this.play.scores[end]), passed = end <= frame;
      const kind = verdict(said, this.label);
      block.className = passed ? kind : "";
      block.textContent = passed ? MARK[kind] + this.gestures[said] : "";
    }
    this.frames.forEach(({ cell, kind }, i) => {
      cell.className = `${i <= frame ? "passed" : ""} ${kind} ${i === frame ? "now" : ""}`;
    });
    const seek = by("seek"), at = ((frame + 1) * seconds).toFixed(1);
    seek.value = String(frame);
    seek.setAttribute("aria-valuetext", `frame ${frame + 1} of ${this.play.windows}, ${at} s`);
    by("clock").textContent =
      `frame ${frame + 1} of ${this.play.windows} \u00b7 ${at} s of ` +
      `${(this.play.windows * seconds).toFixed(1)} s`;
  }
}

/** Each second of each recording once: made against said. */
export class Tally {
  constructor(gestures) {
    this.seen = new Set();
    this.hits = this.total = 0;
    this.simulated = true;
    const head = add(add(by("confusion"), "thead"), "tr");
    add(head, "th", "made").scope = "row";
    gestures.forEach((gesture, i) => {
      const cell = add(head, "th", String(i + 1));
      cell.scope = "col";
      cell.title = gesture;
    });
    const body = add(by("confusion"), "tbody");
    this.cells = gestures.map((gesture, i) => {
      const row = add(body, "tr");
      add(row, "th", `${i + 1} ${gesture}`).scope = "row";
      return gestures.map((other, j) => {
        const cell = add(row, "td", "", i === j ? "hit" : "");
        cell.title = `${gesture} taken for ${other}`;
        return cell;
      });
    });
    this.#say();
  }

  count(index, play, recording, frame) {
    for (const end of play.decisions) {
      const key = `${index} ${end}`;
      if (end > frame || recording.label === null || this.seen.has(key)) continue;
      const said = best(play.scores[end]), cell = this.cells[recording.label][said];
      this.seen.add(key);
      this.total += 1;
      this.hits += said === recording.label ? 1 : 0;
      this.simulated &&= recording.simulated;
      cell.textContent = String(Number(cell.textContent) + 1);
      const share = Math.min(1, 0.25 + 0.15 * Number(cell.textContent));
      cell.style.backgroundColor = `rgba(var(--cell), ${0.55 * share})`;
      this.#say();
    }
  }

  #say() {
    const kind = this.total && this.simulated ? " (simulated)" : "";
    by("hits").textContent = `${this.hits} of ${this.total} right${kind}`;
  }
}

const milli = (value, unit) => value === null ? "\u2013"
  : `${value.toPrecision(3)} ${unit}`;

/** Latency and energy of a classification, and what a frame has of it. */
export function showCosts(session) {
  const f = session.figures, frames = session.windows_a_decision;
  const { network, maps, together } = f.costs, whole = together ?? network;
  by("kind").textContent = f.kind ?? "no timing model";
  by("classification").textContent =
    `one classification: ${frames} frames, ${Number((frames * session.window_s).toPrecision(3))} s of radar`;
  const rows = [["network", network, 1], ["maps (FFT)", maps, 1], ["together", together, 1],
    [`a frame's share, 1/${frames}`, whole, 1 / frames]];
  for (const [what, cost, share] of rows) {
    if (!cost || (session.rows && share !== 1)) continue;  // a trace is read once, at its end
    const [latency, energy] = cost, row = add(by("figures"), "tr");
    add(row, "th", what).scope = "row";
    add(row, "td", milli(latency && latency * share, "ms"));
    add(row, "td", milli(energy && energy * share, "mJ"));
    row.className = cost === whole && share === 1 ? "whole" : "";
  }
  const lines = by("measured");
  const work = f.cycles ? `${f.cycles.toLocaleString("en")} cycles`
    : f.instructions ? `${f.instructions.toLocaleString("en")} instructions` : "";
  const how = { "cycle-exact": " (the core's RTL)", estimate: " (a timing model)" }[f.kind] ?? "";
  add(lines, "p", `Measured at start on ${f.target}${how}${work && ": network "}${work}.`);
  const bytes = (count) => `${count.toLocaleString("en")} B`;
  if (f.ram_bytes) {
    add(lines, "p", `${bytes(f.ram_bytes)} of RAM, ${bytes(f.flash_bytes)} of flash.`);
  }
  add(lines, "p", f.bit_exact ? "\u2713 Bit-exact: every output byte as in the meaning."
    : "\u2717 NOT bit-exact: the target's output differs from the meaning.",
    f.bit_exact ? "right" : "wrong");
  const [latency, energy] = whole;
  if (latency) {
    // a second's maps are made once, however often the network reads them
    const once = maps ? maps[0] : 0;
    const busy = (times) => `${((network[0] * times + once) / 10).toPrecision(2)} %`;
    const running = session.rows ? "" : `, ${busy(1 / session.window_s)} with one a frame (running)`;
    add(lines, "p", `Busy ${busy(1)} of the time with one classification a second${running}.`);
  }
  if (energy) add(lines, "p", `Energy: that time at the power in ${f.power_source}.`);
  if (session.rows) add(lines, "p", "Not counted: the radar's own software, which makes a trace.");
  else if (!maps) add(lines, "p", "Not counted: the FFT that makes the maps.");
}
