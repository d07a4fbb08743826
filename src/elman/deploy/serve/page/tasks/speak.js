/* Speak: a text, and the sound of it. */

import { button, examples, field, form, row, trouble } from "../desk.js";
import { bytes, download, make } from "../dom.js";
import { label } from "../words.js";

export function page(desk) {
  const box = make("textarea", { rows: 4 });
  let address;
  const ask = () => {
    if (!box.value.trim()) return desk.refuse(trouble("empty"));
    return desk.predict({ texts: [box.value] }, ([answer]) => {
      const sound = bytes(answer.sound);
      URL.revokeObjectURL(address);
      address = URL.createObjectURL(new Blob([sound], { type: "audio/wav" }));
      const player = label(make("audio", { controls: true, src: address }), "spoken sound");
      desk.show(player, row(button("save wav", () => download("spoken.wav", [sound], "audio/wav"), "quiet")));
      desk.tell("spoken");
      player.play().catch(() => {}); // where a browser forbids it, the player is there to be pressed
    });
  };
  const { whole, send } = form("speak", ask, field("text", box, "send hint"));
  whole.append(row(send), examples(desk.model.examples, (example) => {
    box.value = example;
    ask();
  }) ?? "");
  desk.asking.append(whole);
}
