/* Tag: each word with its tag below it, while it is typed where the model streams. */

import { examples, field, form, row, trouble } from "../desk.js";
import { make } from "../dom.js";
import { why } from "../explanation.js";
import { Typed } from "../typed.js";

const NONE = "O"; // the tag of a word that is no part of anything

export function page(desk) {
  const { model } = desk;
  const box = make("textarea", { rows: 4, spellcheck: "false" });
  let asked = false; // in full, after which what was heard while typing is stale, as is an answer in full while typing
  const ask = () => {
    if (!box.value.trim()) return desk.refuse(trouble("empty"));
    asked = true;
    const body = { texts: [box.value] };
    return desk.predict(body, ([answer]) => shown(answer, why(desk, body)));
  };
  const shown = ({ words, tags }, ...more) => {
    const marked = words.map((name, at) => [name, tags[at]]).filter(([, tag]) => tag !== NONE);
    desk.show(tagged(words, tags), ...more);
    const named = marked.map((pair) => pair.join(": ")).join(", ");
    if (marked.length) desk.tell("tags told", { n: marked.length, tags: named });
    else desk.tell("no tags", { n: words.length });
  };
  const { whole, send } = form("ask", ask, field("text", box, "send hint"));
  const fill = (example) => {
    box.value = [example].flat().join(" ");
    ask();
  };
  whole.append(row(send), examples(model.examples, fill, (one) => [one].flat().join(" ")) ?? "");
  desk.asking.append(whole);
  if (model.stream !== true) return;
  let words = [], tags = [];
  const typed = new Typed((answer, _text, afresh) => {
    if (afresh) [words, tags] = [[], []];
    if (answer) [words, tags] = [[...words, ...answer.words], [...tags, ...answer.tags]];
    if (!asked) shown({ words, tags });
  });
  box.addEventListener("input", () => {
    asked = false;
    desk.giveUp();
    typed.follow(box.value).catch((error) => desk.refuse(error));
  });
}

/** Words with their tags below, one colour for each kind of tag (what follows B- and I-). */
export function tagged(words, tags) {
  const kinds = [...new Set(tags.map(kind))].filter((one) => one !== NONE).sort();
  const line = make("p", { class: "tagged given" });
  words.forEach((name, at) => {
    const look = tags[at] === NONE ? "tag" : `tag tag-${1 + (kinds.indexOf(kind(tags[at])) % 6)}`;
    const below = tags[at] === NONE ? null : make("small", {}, tags[at]);
    line.append(make("span", { class: look }, make("span", {}, name), below), " ");
  });
  return line;
}

function kind(tag) {
  return tag.replace(/^[BIES]-/, "");
}
