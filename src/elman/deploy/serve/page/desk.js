/* What every task's page has: a place to ask, a place for answers, a voice that tells, one request at a time; and the
   controls that they share. */

import { base64, make, percent } from "./dom.js";
import { Refused, post } from "./server.js";
import { label, word } from "./words.js";

let made = 0;

export class Desk {
  #latest;
  #slow;

  constructor(model, status = document.getElementById("status"), answers = document.getElementById("answer")) {
    Object.assign(this, { model, status, answers, asking: document.getElementById("ask") });
  }

  /** Tells a sentence: read aloud where someone listens. */
  tell(key, gaps) {
    clearTimeout(this.#slow);
    this.status.classList.remove("error", "unseen");
    word(this.status, key, gaps);
  }

  /** Tells aloud alone what can be seen in the answer. */
  read(key, gaps) {
    this.tell(key, gaps);
    this.status.classList.add("unseen");
  }

  /** Tells what went wrong; the server's own sentences are in English. */
  refuse(error) {
    if (error.name === "AbortError") return;
    clearTimeout(this.#slow);
    this.status.classList.remove("unseen");
    this.status.classList.add("error");
    if (error instanceof Refused && error.message) word(this.status, "refused", { why: error.message });
    else if (error instanceof Refused) word(this.status, "unreachable");
    else word(this.status, error.key ?? "failed", error.gaps ?? { why: error.message });
  }

  /** The answer is this and nothing else. */
  show(...nodes) {
    this.answers.replaceChildren(...nodes);
  }

  /** Runs work(signal) and tells its error; work that is still under way is given up for it. */
  async run(work) {
    this.#latest?.abort();
    clearTimeout(this.#slow);
    const mine = (this.#latest = new AbortController());
    this.answers.setAttribute("aria-busy", "true");
    this.#slow = setTimeout(() => this.tell("working"), 300);
    try {
      await work(mine.signal);
    } catch (error) {
      if (mine === this.#latest) this.refuse(error);
    } finally {
      if (mine === this.#latest) {
        clearTimeout(this.#slow);
        this.answers.removeAttribute("aria-busy");
      }
    }
  }

  /** What is asked is not waited for any more. */
  giveUp() {
    this.#latest?.abort();
  }

  /** Asks for answers to a body, or the promise of one: answered(answers, everything told). */
  predict(body, answered) {
    return this.run(async (signal) => {
      const told = await post("predict", await body, signal);
      answered(told.answers, told);
    });
  }
}

/** What can be told to a reader: a key of the words, with its gaps. */
export function trouble(key, gaps) {
  return Object.assign(new Error(key), { key, gaps });
}

/** A control under its name, with a hint below where there is one. */
export function field(key, control, hint, gaps) {
  control.id ||= `field-${++made}`;
  const name = word(make("label", { for: control.id }), key);
  const told = hint && word(make("p", { class: "hint", id: `${control.id}-hint` }), hint, gaps);
  if (told) control.setAttribute("aria-describedby", told.id);
  return make("div", { class: "field" }, name, control, told);
}

/** Controls side by side. */
export function row(...children) {
  return make("div", { class: "row" }, ...children);
}

export function button(key, click, look = "") {
  return word(make("button", { type: "button", class: look, click }), key);
}

/** A form whose button, and Ctrl+Enter in it, asks. */
export function form(key, submit, ...children) {
  const send = word(make("button", { type: "submit" }), key);
  const asked = (event) => {
    event.preventDefault();
    submit();
  };
  const whole = make("form", { submit: asked }, ...children);
  whole.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) whole.requestSubmit();
  });
  return { whole, send };
}

/** A number that may be left out. */
export function numberBox(value, { least, most, step = 1 }) {
  return make("input", { type: "number", value, min: least, max: most, step, inputmode: "decimal" });
}

export function read(box) {
  return box.value === "" ? undefined : Number(box.value);
}

/** Examples that fill the form when they are taken. */
export function examples(given, take, name = String) {
  if (!given?.length) return null;
  const list = make("ul", { class: "chips" });
  for (const example of given) {
    const fill = { type: "button", class: "chip given", click: () => take(example) };
    list.append(make("li", {}, make("button", fill, name(example))));
  }
  return make("div", { class: "examples" }, word(make("p", { class: "hint" }), "examples"), list);
}

/** A place to drop a file on, or to choose one; the browser's own button would speak the browser's language. */
export function dropZone(key, hint, accept, take) {
  const input = make("input", { type: "file", accept, id: `file-${++made}` });
  const name = word(make("label", { for: input.id, class: "choose" }), key);
  const told = word(make("p", { class: "hint", id: `${input.id}-hint` }), hint);
  const chosen = make("span", { class: "given" });
  const given = (file) => {
    if (!file) return;
    chosen.textContent = file.name;
    take(file);
  };
  input.setAttribute("aria-describedby", told.id);
  input.addEventListener("change", () => {
    given(input.files[0]);
    input.value = ""; // the same file can be chosen once more
  });
  const zone = make("div", { class: "drop" }, input, name, chosen, told);
  for (const kind of ["dragover", "dragleave", "drop"]) {
    zone.addEventListener(kind, (event) => {
      event.preventDefault();
      zone.classList.toggle("over", kind === "dragover");
      if (kind === "drop") given(event.dataTransfer.files[0]);
    });
  }
  return zone;
}

/** A file in base64; refused here where the server would refuse it. */
export async function sent(file, limits) {
  const most = limits?.max_body;
  if (most && file.size * 1.4 > most) throw trouble("too large", { most: `${(most / 1.4e6).toFixed(1)} MB` });
  return base64(file);
}

/** Probabilities as bars, the highest first. */
export function bars(probabilities, caption = "probabilities") {
  const pairs = Object.entries(probabilities).filter(([, p]) => p != null);
  const body = make("tbody");
  for (const [name, p] of pairs.sort((a, b) => b[1] - a[1]).slice(0, 20)) {
    const bar = make("span", { class: "bar" });
    bar.style.setProperty("--share", `${100 * p}%`);
    body.append(
      make("tr", {}, make("th", { scope: "row", class: "given" }, visible(name)),
        make("td", { "aria-hidden": "true" }, bar), make("td", { class: "n" }, percent(p))),
    );
  }
  return make("table", { class: "bars" }, word(make("caption"), caption), body);
}

/** Columns under their names, keys of the words, with rows of written cells, the first of each its name. */
export function table(columns, rows, caption) {
  const numeric = columns.map((_, at) => rows.every((cells) => /^[−\d.,–\s%]*$/.test(cells[at])));
  const head = columns.map((name, at) => word(make("th", { scope: "col", class: numeric[at] ? "n" : null }), name));
  const body = rows.map((cells) => make("tr", {}, ...cells.map((cell, at) =>
    make(at ? "td" : "th", { scope: at ? null : "row", class: `given${numeric[at] ? " n" : ""}` }, cell))));
  const whole = make("table", {}, word(make("caption"), caption), make("thead", {}, make("tr", {}, ...head)),
    make("tbody", {}, ...body));
  return label(make("div", { class: "scroll", tabindex: 0, role: "group" }, whole), caption);
}

/** A symbol that can be seen: a space and the end of a line have signs. */
export function visible(symbol) {
  const ends = symbol.replaceAll("\n", "↵").replaceAll("\t", "⇥");
  return ends.replace(/^ +$/, (blanks) => "␣".repeat(blanks.length));
}
