/* Translate and summarize: a text, and what is written of it, the best of several first. */

import { examples, field, form, numberBox, read, row, trouble } from "../desk.js";
import { make, number } from "../dom.js";
import { why } from "../explanation.js";
import { word } from "../words.js";

export function page(desk) {
  const { model } = desk;
  const box = make("textarea", { rows: 7 });
  const best = numberBox(1, { least: 1, most: 10 });
  const ask = () => {
    if (!box.value.trim()) return desk.refuse(trouble("empty"));
    const body = { texts: [box.value] };
    const several = read(best) > 1 ? { best: read(best) } : {};
    return desk.predict({ ...body, ...several }, (answers) => {
      const ranked = answers[0].best ?? answers;
      const texts = ranked.map((answer) => make("li", {}, make("p", { class: "written given" }, answer.text),
        answer.score == null ? null : word(make("p", { class: "hint" }), "score", { value: number(answer.score) })));
      desk.show(make("ol", { class: "texts" }, ...texts), why(desk, body));
      desk.read(`${model.task} told`, { text: answers[0].text });
    });
  };
  const { whole, send } = form(model.task, ask, field("text", box, "send hint"), row(field("best", best)));
  whole.append(row(send), examples(model.examples, (example) => {
    box.value = example;
    ask();
  }) ?? "");
  desk.asking.append(whole);
}
