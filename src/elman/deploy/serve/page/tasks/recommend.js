/* Recommend: a session put together by clicks, and what is likely next, anew after each. */

import { button, examples, field, row } from "../desk.js";
import { make, percent } from "../dom.js";
import { why } from "../explanation.js";
import { label, word } from "../words.js";

const FOUND = 12; // items listed of a search

export function page(desk) {
  const { model } = desk;
  const items = (model.items ?? []).map(String);
  const session = [];
  const search = make("input", { type: "search", autocomplete: "off", spellcheck: "false" });
  const found = label(make("ul", { class: "chips" }), "found items");
  const chosen = label(make("ol", { class: "chips session" }), "session");
  const fresh = make("input", { type: "checkbox", id: "only-new", change: () => ask() });

  const ask = () => {
    if (!session.length) {
      desk.show();
      return desk.tell("session empty");
    }
    const body = { sessions: [[...session]] };
    return desk.predict({ ...body, top: 10, new: fresh.checked }, ([answer]) => {
      const list = make("ol", { class: "ranked" });
      answer.items.forEach((item, at) => {
        const bar = make("span", { class: "bar", "aria-hidden": "true" });
        bar.style.setProperty("--share", `${(100 * answer.scores[at]) / (answer.scores[0] || 1)}%`);
        const take = make("button", { type: "button", class: "item given", click: () => add(item) }, item);
        list.append(make("li", {}, take, bar, make("span", { class: "n" }, percent(answer.scores[at]))));
      });
      const held = desk.answers.contains(document.activeElement); // who took one of these goes on from the first
      desk.show(list, session.length > 1 ? why(desk, body) : "");
      if (held) list.querySelector("button")?.focus();
      desk.tell("recommended", { items: answer.items.slice(0, 3).join(", ") });
    });
  };
  const add = (item) => {
    session.push(String(item));
    told();
  };
  const told = () => {
    clear.hidden = !session.length;
    chosen.replaceChildren(...session.map((item, at) => {
      const remove = make("button", { type: "button", class: "remove", click: () => removed(at) }, "×");
      return make("li", { class: "chip given" }, item, label(remove, "remove", { item }));
    }));
    ask();
  };
  const removed = (at) => {
    session.splice(at, 1);
    told();
    (chosen.querySelectorAll("button")[Math.min(at, session.length - 1)] ?? search).focus();
  };
  const clear = button("clear", () => {
    session.length = 0;
    told();
    search.focus();
  }, "quiet");
  const look = () => {
    const asked = search.value.trim().toLowerCase();
    const hits = items.filter((item) => item.toLowerCase().includes(asked)).slice(0, FOUND);
    found.replaceChildren(...hits.map((item) =>
      make("li", {}, make("button", { type: "button", class: "chip given", click: () => add(item) }, item))));
  };
  search.addEventListener("input", look);
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !search.value.trim()) return;
    event.preventDefault();
    add(found.querySelector("button")?.textContent ?? search.value.trim());
    search.value = "";
    look();
  });
  clear.hidden = true;
  desk.asking.append(field("search items", search, items.length ? "search hint" : "type hint"), found,
    word(make("h3"), "session"), chosen,
    row(make("div", { class: "check" }, fresh, word(make("label", { for: "only-new" }), "only new")), clear),
    examples(model.examples, (example) => {
      session.splice(0, session.length, ...example.map(String));
      told();
    }, (example) => example.join(", ")) ?? "");
  look();
  desk.tell("session empty");
}
