/* The page of a served model: what it is, and the way of asking that fits its task. */

import { Desk, field, form } from "./desk.js";
import { make } from "./dom.js";
import { Refused, get, keepToken, takeToken } from "./server.js";
import { choose, language, start, switched, word } from "./words.js";

const byId = (id) => document.getElementById(id);
const PAGES = { forecast: "forecast", tag: "tag", generate: "write", translate: "pairs", summarize: "pairs",
  transcribe: "hear", speak: "speak", recommend: "recommend", paint: "paint" };
const READERS = { texts: "read", sequences: "read", sound: "hear", picture: "see" }; // of what gives labels or numbers

takeToken();
start();
const toggle = byId("language");
toggle.addEventListener("click", () => choose(language() === "zh" ? "en" : "zh"));
toggle.hidden = false;
switched(() => {
  toggle.textContent = language() === "zh" ? "English" : "中文";
  toggle.lang = language() === "zh" ? "en" : "zh-CN";
});
word(byId("ask-title"), "your input");
word(byId("answer-title"), "answer");
// A file that is dropped beside its zone would take the place of the page.
for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());
open();

async function open() {
  const answers = byId("answered");
  answers.hidden = false;
  let model;
  try {
    model = await get("model");
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return askToken();
    return new Desk({}).refuse(error);
  }
  start(model.lang);
  document.title = `${model.name} – elman`;
  byId("title").textContent = model.name;
  byId("title").classList.add("given");
  describe(model);
  byId("ask").hidden = false;
  foot(model);
  const name = PAGES[model.task] ?? READERS[model.takes[0]];
  const desk = new Desk(model);
  desk.tell("nothing yet");
  const { page } = await import(`./tasks/${name}.js`);
  return page(desk);
}

/** One sentence on what the model does. */
function describe(model) {
  const [target, from, to] = [model.target, model.sources, model.targets].map((names) => [names].flat().join(", "));
  word(byId("what"), `what ${model.task}`, { target, from, to, n: model.horizon, k: model.labels?.length });
}

function foot(model) {
  const parts = [];
  const verdict = model.score?.verdict;
  if (verdict) {
    parts.push(make("div", { class: `verdict ${{ true: "good", false: "bad" }[model.score.good] ?? "open"}` },
      make("div", {}, word(make("h2"), "how good"), make("p", { class: "given", lang: "en" }, verdict))));
  }
  parts.push(make("p", {}, "elman"));
  if (model.stream !== true && model.stream?.why_not) {
    const reason = make("p", { class: "given", lang: "en" }, model.stream.why_not);
    parts.push(make("details", {}, word(make("summary"), "not live"), reason));
  }
  byId("foot").replaceChildren(...parts);
}

/** The server wants a token, and none, or a wrong one, was in the address. */
function askToken() {
  const box = make("input", { type: "password", autocomplete: "off", required: true });
  const { whole, send } = form("go on", () => {
    keepToken(box.value);
    byId("ask").replaceChildren(byId("ask-title"));
    open();
  }, field("token", box, "token hint"));
  whole.append(send);
  byId("ask").replaceChildren(byId("ask-title"), whole);
  byId("ask").hidden = false;
  new Desk({}).tell("token needed");
  box.focus();
}
