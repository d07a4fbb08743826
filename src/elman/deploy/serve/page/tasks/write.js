/* Generate: a text that goes on from a prompt, piece by piece where the model streams. */

import { bars, button, examples, field, form, numberBox, read, row, visible } from "../desk.js";
import { make } from "../dom.js";
import { why } from "../explanation.js";
import { Refused } from "../server.js";
import { Typed } from "../typed.js";
import { word } from "../words.js";

export function page(desk) {
  const { model } = desk;
  const box = make("textarea", { rows: 3, spellcheck: "false" });
  const controls = {
    length: numberBox(300, { least: 1, most: model.limits?.max_steps ?? 100_000 }),
    temperature: numberBox(0.8, { least: 0, most: 5, step: 0.05 }),
    top_k: numberBox("", { least: 1, most: 100_000 }),
    top_p: numberBox("", { least: 0.01, most: 1, step: 0.01 }),
    seed: numberBox("", { least: 0, most: 2 ** 31 - 1 }),
  };
  const settings = () => {
    const given = Object.entries(controls).map(([name, control]) => [name, read(control)]);
    return Object.fromEntries(given.filter(([, value]) => value !== undefined));
  };
  const prompt = make("span", { class: "prompt" });
  const written = make("span");
  const text = make("p", { class: "written given" }, prompt, written);
  const stop = button("stop", () => halt(), "quiet");
  const likely = make("div");
  let halt = () => {};
  stop.hidden = true;

  const begin = () => {
    halt();
    prompt.textContent = box.value;
    written.textContent = "";
    desk.show(text, why(desk, { prompt: box.value }, box.value));
  };
  const done = (stopped) => {
    hear = halt = () => {};
    const text = written.textContent;
    desk.read(stopped ? "written until stopped" : "written", { n: [...text].length, text });
  };
  const typed = model.stream === true && new Typed((answer) => {
    const next = answer?.next?.map(([symbol, p]) => [visible(symbol), p]);
    if (next) likely.replaceChildren(bars(Object.fromEntries(next), "next"));
  }, { wholeWords: false, hear: (told) => hear(told) });
  let hear = () => {};

  const stream = () => desk.run(async () => {
    begin();
    await typed.follow(box.value);
    const wire = typed.wire;
    await wire.opened;
    desk.tell("writing");
    stop.hidden = false;
    typed.forget(); // what the model writes it has read as well
    await new Promise((good, bad) => {
      hear = ({ piece, done: over, error, lost }) => {
        if (piece !== undefined) written.append(piece);
        if (over) good(done(false));
        if (error) bad(new Refused(error, 422));
        if (lost) bad(lost);
      };
      halt = () => {
        wire.close();
        good(done(true));
      };
      wire.send({ write: settings() });
    });
  }).finally(() => (stop.hidden = true));
  const whole = () => {
    begin();
    desk.predict({ prompt: box.value, ...settings() }, ([answer]) => {
      written.textContent = answer.text;
      done(false);
    });
  };

  const more = make("details", {}, word(make("summary"), "more settings"),
    row(...["top_k", "top_p", "seed"].map((name) => field(name, controls[name]))));
  const shown = form("write", typed ? stream : whole, field("prompt", box, "send hint"),
    row(field("length", controls.length), field("temperature", controls.temperature)), more);
  shown.whole.append(row(shown.send, stop), examples(model.examples, (example) => {
    box.value = example;
    shown.whole.requestSubmit();
  }) ?? "");
  desk.asking.append(shown.whole, likely);
  if (typed) box.addEventListener("input", () => typed.follow(box.value).catch((error) => desk.refuse(error)));
}
