/* Classify and regress texts or rows of numbers: the answer as it is typed where the model streams, and in full. */

import { bars, dropZone, examples, field, form, row, trouble } from "../desk.js";
import { make, number, percent } from "../dom.js";
import { why } from "../explanation.js";
import { Typed } from "../typed.js";

export function page(desk) {
  const { model } = desk;
  const numbers = model.takes.includes("sequences");
  const box = make("textarea", { rows: numbers ? 8 : 5, spellcheck: "false", class: numbers ? "mono" : null });
  let asked = false; // in full, after which what was heard while typing is stale, as is an answer in full while typing
  const ask = () => {
    if (!box.value.trim()) return desk.refuse(trouble("empty"));
    asked = true;
    const text = box.value;
    const body = (async () => (numbers ? { sequences: [sequence(text)] } : { texts: [text] }))();
    return desk.predict(body, ([answer]) => desk.show(told(desk, answer), why(desk, body, numbers ? null : text)));
  };
  const given = numbers ? field("numbers", box, "numbers hint") : field("text", box, "send hint");
  const { whole, send } = form("ask", ask, given);
  const fill = (example) => {
    box.value = numbers ? example.map((step) => [step].flat().join(", ")).join("\n") : example;
    ask();
  };
  const name = (example) => (numbers ? `${example.length} × ${[example[0]].flat().length}` : example);
  whole.append(row(send), examples(model.examples, fill, name) ?? "");
  desk.asking.append(whole);
  if (numbers) {
    desk.asking.append(dropZone("numbers file", "numbers hint", ".csv,.txt,text/*", async (file) => {
      box.value = (await file.text()).trim();
      ask();
    }));
  } else if (model.stream === true) {
    const typed = new Typed((answer, text) => {
      if (answer && !asked) desk.show(told(desk, answer, text));
    });
    box.addEventListener("input", () => {
      asked = false;
      desk.giveUp();
      typed.follow(box.value).catch((error) => desk.refuse(error));
    });
  }
}

/** An answer: told, and its probabilities drawn; ``soFar``: more may follow. */
export function told(desk, answer, soFar) {
  if (desk.model.task === "regress") {
    const value = number(answer.value);
    desk.read(soFar ? "number so far" : "number told", { value });
    return make("p", { class: "large given" }, value);
  }
  const probabilities = answer.probabilities ?? {};
  if (answer.label == null) {
    desk.tell("no label");
    return make("p");
  }
  const share = percent(answer.probability ?? probabilities[answer.label]);
  desk.tell(soFar ? "label so far" : "label told", { label: answer.label, share });
  return bars(probabilities);
}

/** Lines of numbers, a step each, as (T, F). */
function sequence(text) {
  const steps = text.trim().split(/\n+/).map((line) => line.trim().split(/[\s,;]+/).filter(Boolean).map(Number));
  const at = steps.findIndex((step) => step.length !== steps[0].length || step.some(Number.isNaN));
  if (at >= 0) throw trouble("no numbers", { line: at + 1, n: steps[0].length });
  return steps;
}
