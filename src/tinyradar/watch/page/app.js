// The player: a clock, the recordings that it plays, and who may turn it.

import { drawScale } from "./colours.js";
import { Maps } from "./maps.js";
import { Bars, Tally, Timeline, showAnswer, showCosts } from "./panels.js";

const by = (id) => document.getElementById(id);

async function fetched(path) {
  let answer;
  try {
    answer = await fetch(path);
  } catch {
    throw new Error("The server has ended; start 'tinyradar watch' again and load this page anew.");
  }
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    throw new Error(told.error ?? `The server answered ${answer.status} to ${path}.`);
  }
  return answer;
}

function trouble(text) {
  by("trouble").textContent = text;
  by("trouble").hidden = !text;
}

class Player {
  constructor(session) {
    this.session = session;
    this.bars = new Bars(session.gestures);
    this.tally = new Tally(session.gestures);
    this.timeline = new Timeline();
    this.kept = new Map();
    this.index = this.frame = 0;
    this.play = this.bytes = this.maps = null;
    this.playing = false;
    this.since = 0;
    this.before = null;
    requestAnimationFrame((now) => this.tick(now));
  }

  /** Scores and maps of a recording; the last few are kept. */
  fetch(index) {
    if (!this.kept.has(index)) {
      const path = `/recordings/${index}`;
      const both = Promise.all([
        fetched(path).then((a) => a.json()),
        fetched(`${path}/maps`).then((a) => a.arrayBuffer()),
      ]);
      both.catch(() => this.kept.delete(index));
      this.kept.set(index, both);
      if (this.kept.size > 4) this.kept.delete(this.kept.keys().next().value);
    }
    return this.kept.get(index);
  }

  async load(index) {
    const count = this.session.recordings.length;
    this.index = (index + count) % count;
    const mine = this.index, recording = this.session.recordings[mine];
    by("recording").value = String(mine);
    by("origin").hidden = !recording.simulated;
    by("origin").textContent = "simulated";
    by("radar-title").textContent =
      `${this.session.shown}${recording.simulated ? ", simulated" : ""}`;
    this.play = null;
    try {
      const [play, bytes] = await this.fetch(mine);
      if (mine !== this.index) return;  // another was chosen meanwhile
      this.bytes = new Uint8Array(bytes);
      this.play = play;
      trouble("");
      document.body.classList.remove("stale");
    } catch (error) {
      if (mine === this.index) {
        trouble(error.message);
        document.body.classList.add("stale");  // what is shown is of another recording
        this.pause();
      }
      return;
    }
    this.maps ??= new Maps(by("maps"), this.play, this.session);
    this.timeline.load(this.play, recording, this.session);
    this.since = 0;
    this.show(0);
    if (count > 1) this.fetch((mine + 1) % count).catch(() => {});  // its turn will tell
  }

  show(frame) {
    if (!this.play) return;
    const { play, session } = this, recording = session.recordings[this.index];
    this.frame = Math.min(play.windows - 1, Math.max(0, frame));
    this.maps.draw(this.bytes, this.frame, play.windows);
    this.bars.show(play.scores[this.frame], recording.label);
    showAnswer(play, recording, this.frame, session);
    this.tally.count(this.index, play, recording, this.frame);
    this.timeline.show(this.frame, session.window_s);
  }

  tick(now) {
    requestAnimationFrame((next) => this.tick(next));
    const passed = (now - (this.before ?? now)) / 1000;
    this.before = now;
    if (!this.playing || !this.play) return;
    const period = this.session.window_s / Number(by("speed").value);
    this.since += Math.min(passed, period);  // a page that was hidden does not catch up
    if (this.since < period) return;
    this.since -= period;
    this.advance();
  }

  advance() {
    const last = this.session.recordings.length - 1;
    if (this.frame < this.play.windows - 1) this.show(this.frame + 1);
    else if (by("repeat").checked) this.show(0);
    else if (this.index < last) this.load(this.index + 1);
    else this.pause();
  }

  set(playing) {
    this.playing = playing;
    this.since = 0;
    by("play").textContent = playing ? "Pause" : "Play";
  }

  pause() { this.set(false); }

  toggle() {
    const over = this.play && this.frame === this.play.windows - 1;
    const last = this.index === this.session.recordings.length - 1;
    if (!this.playing && over && last) this.show(0);
    this.set(!this.playing);
  }

  step(by_) {
    this.pause();
    this.show(this.frame + by_);
  }

  speed(by_) {
    const select = by("speed"), to = select.selectedIndex + by_;
    select.selectedIndex = Math.min(select.options.length - 1, Math.max(0, to));
  }
}

function keys(player) {
  const actions = {
    " ": () => player.toggle(), k: () => player.toggle(),
    ArrowLeft: () => player.step(-1), ArrowRight: () => player.step(1),
    Home: () => player.step(-Infinity), End: () => player.step(Infinity),
    n: () => player.load(player.index + 1), p: () => player.load(player.index - 1),
    "[": () => player.speed(-1), "]": () => player.speed(1),
    r: () => { by("repeat").checked = !by("repeat").checked; },
  };
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (event.ctrlKey || event.altKey || event.metaKey || target.matches("select")) return;
    // space presses the button or box that has the focus; arrows move the slider by themselves
    if (key === " " && target.matches("button, input[type=checkbox]")) return;
    if (target.matches("input[type=range]") && /^(Arrow|Home|End)/.test(key)) return;
    const action = actions[key.length === 1 ? key.toLowerCase() : key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

function connect(player) {
  const { recordings, gestures } = player.session, select = by("recording");
  recordings.forEach(({ name, label }, i) => {
    const said = label === null || name.includes(gestures[label]) ? "" : ` (${gestures[label]})`;
    select.add(new Option(`${name}${said}`, String(i)));
  });
  select.addEventListener("change", () => player.load(Number(select.value)));
  by("previous").addEventListener("click", () => player.load(player.index - 1));
  by("next").addEventListener("click", () => player.load(player.index + 1));
  by("play").addEventListener("click", () => player.toggle());
  by("back").addEventListener("click", () => player.step(-1));
  by("forward").addEventListener("click", () => player.step(1));
  by("seek").addEventListener("input", (event) => {
    player.pause();
    player.show(Number(event.target.value));
  });
  keys(player);
}

async function start() {
  drawScale(by("scale"), by("scale-ticks"));
  const session = await (await fetched("/session")).json();
  by("network").textContent =
    `${session.model}, 8-bit integers, weights of fold ${session.fold}, trained on ` +
    `${session.trained_on} hands${session.in_integers ? ", in integers too" : ""}`;
  for (const note of session.notes) {
    const item = document.createElement("li");
    item.textContent = note;
    by("notes").append(item);
  }
  showCosts(session);
  const [what, unit] = session.scale;
  by("scale-what").textContent = what;
  by("scale-unit").textContent = unit;
  by("scale-ticks").hidden = Boolean(session.rows);  // its steps are those of maps
  by("tally-title").textContent = `${session.a_decision}s so far`;
  by("tally-rule").textContent = "Rows: made. Columns: said, by the row's number. " +
    `A whole ${session.a_decision.toLowerCase()} counts once.`;
  const player = new Player(session);
  connect(player);
  await player.load(0);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (player.play && !still) player.set(true);
}

start().catch((error) => trouble(error.message));
