/* Why an answer is as it is: the text with what each part adds, and the server's whole page in a frame. */

import { Desk, button, row } from "./desk.js";
import { download, make, number } from "./dom.js";
import { post } from "./server.js";
import { label, language, word } from "./words.js";

/**
 * A button that explains the answer to a body, or the promise of one, with others beside it; ``text`` is what was read.
 * It has a voice of its own, so that the answer that it explains stays told.
 */
export function why(desk, body, text, ...others) {
  const status = make("p", { role: "status", class: "hint" });
  const own = new Desk(desk.model, status, make("div", { class: "why" }));
  const asked = button("why", () => own.run(async (signal) => {
    const found = await post("explain", { ...(await body), lang: language() }, signal);
    own.show(...(text && found.parts ? [shaded(text, found.parts)] : []), ...framed(found.html));
    own.tell("explained");
  }), "quiet");
  return make("div", {}, row(...others, asked), status, own.answers);
}

/** The text with each part tinted by what it adds to the answer, or takes away. */
export function shaded(text, parts) {
  const shown = make("p", { class: "shaded given" });
  const most = Math.max(...parts.map((part) => Math.abs(part.integrated_gradients)), 1e-12);
  let from = 0;
  for (const { part, integrated_gradients: adds } of parts) {
    const at = text.toLowerCase().indexOf(part.toLowerCase(), from); // a model may have read it in small letters
    const found = at >= 0 ? text.slice(at, at + part.length) : part;
    if (at > from) shown.append(text.slice(from, at));
    if (at >= 0) from = at + part.length;
    const piece = make("span", { class: adds < 0 ? "against" : "for", title: number(adds) }, found);
    piece.style.setProperty("--depth", `${Math.round((40 * Math.abs(adds)) / most)}%`);
    shown.append(piece);
  }
  shown.append(text.slice(from));
  const key = make("ul", { class: "key" }, ...["for", "against"].map((side) =>
    make("li", {}, make("span", { class: `swatch ${side}`, "aria-hidden": "true" }),
      word(make("span"), `speaks ${side}`))));
  return make("div", { class: "field" }, shown, key);
}

/** The server's page as it is: it can run nothing, and is let in to be measured alone. */
function framed(html) {
  const frame = make("iframe", { sandbox: "allow-same-origin" });
  frame.srcdoc = html;
  const measure = () => {
    const page = frame.contentDocument?.body; // none once the frame has left the page
    if (page) frame.style.height = `${page.offsetHeight + 2}px`;
  };
  frame.addEventListener("load", () => new ResizeObserver(measure).observe(frame));
  const save = button("save page", () => download("explained.html", [html], "text/html"), "quiet");
  return [label(frame, "explanation"), save];
}
