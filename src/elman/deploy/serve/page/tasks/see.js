/* Classify and regress pictures: dropped, chosen or pasted. */

import { dropZone, sent } from "../desk.js";
import { make } from "../dom.js";
import { why } from "../explanation.js";
import { alternative } from "../words.js";
import { told } from "./read.js";

export function page(desk) {
  const shown = alternative(make("img", { class: "seen", hidden: true }), "your picture");
  const take = (file) => {
    URL.revokeObjectURL(shown.src);
    shown.src = URL.createObjectURL(file);
    shown.hidden = false;
    const body = sent(file, desk.model.limits).then((picture) => ({ picture }));
    return desk.predict(body, ([answer]) => desk.show(told(desk, answer), why(desk, body)));
  };
  document.addEventListener("paste", (event) => event.clipboardData.files[0] && take(event.clipboardData.files[0]));
  desk.asking.append(dropZone("picture file", "picture hint", "image/png,image/jpeg", take), shown);
}
