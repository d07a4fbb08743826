/* Paint: pictures that appear. */

import { field, form, numberBox, read, row } from "../desk.js";
import { make } from "../dom.js";
import { alternative, label, word } from "../words.js";

export function page(desk) {
  const count = numberBox(4, { least: 1, most: 16 });
  const { whole, send } = form("paint", () => desk.predict({ count: read(count) }, (answers) => {
    desk.show(make("ul", { class: "gallery" }, ...answers.map(({ picture }, at) => {
      const src = `data:image/png;base64,${picture}`;
      const image = alternative(make("img", { src }), "painted picture", { n: at + 1 });
      const save = word(make("a", { href: src, download: `painted-${at + 1}.png` }), "save");
      return make("li", {}, image, label(save, "save picture", { n: at + 1 }));
    })));
    desk.tell("painted", { n: answers.length });
  }), field("count", count));
  whole.append(row(send));
  desk.asking.append(whole);
}
