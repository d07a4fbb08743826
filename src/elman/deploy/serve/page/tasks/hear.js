/* Sounds, classified or written down: from a file, or from the microphone, live where the model streams. */

import { button, dropZone, row, sent } from "../desk.js";
import { base64, make } from "../dom.js";
import { why } from "../explanation.js";
import { Refused, Wire } from "../server.js";
import { Microphone, asWav, wav } from "../sound.js";
import { label, word } from "../words.js";
import { told } from "./read.js";

export function page(desk) {
  const { model } = desk;
  const live = model.stream === true;
  const player = label(make("audio", { controls: true, hidden: true }), "your sound");
  const level = make("span", { class: "level", "aria-hidden": "true" });
  const seconds = make("span", { class: "seconds", "aria-hidden": "true" });
  const record = button("record", () => {
    if (microphone) stop();
    else opening ??= start().finally(() => (opening = undefined)); // once, however often it is pressed
  });
  let microphone, opening, wire;

  const show = (answer, soFar, ...more) => {
    if (model.task !== "transcribe") return desk.show(told(desk, answer, soFar), ...more);
    const text = answer.text;
    desk.show(make("p", { class: "written given" }, text), ...more);
    if (soFar) return undefined; // each word more would be read aloud with all before it
    return text ? desk.read("heard", { text }) : desk.tell("heard nothing");
  };
  const ask = async (making) => {
    const body = making().then((sound) => ({ sound }));
    await desk.predict(body, ([answer]) => show(answer, null, why(desk, body)));
  };
  const play = (blob) => {
    URL.revokeObjectURL(player.src);
    player.src = URL.createObjectURL(blob);
    player.hidden = false;
  };

  async function start() {
    try {
      wire = live ? new Wire(({ answer, error, lost }) => {
        if (answer && wire) show(answer, true);
        if (error) desk.refuse(new Refused(error, 422));
        if (lost) stop(lost);
      }) : null;
      await wire?.opened;
      microphone = await Microphone.open(model.rate, (samples, loudness, heard) => {
        level.style.setProperty("--level", `${Math.min(100, 140 * Math.sqrt(loudness))}%`);
        word(seconds, "seconds", { n: heard.toFixed(1) });
        wire?.send(samples.buffer);
      });
    } catch (error) {
      wire?.close();
      wire = null;
      return desk.refuse(error);
    }
    word(record, "stop recording");
    record.setAttribute("aria-pressed", "true");
    desk.tell(live ? "listening live" : "listening");
    return undefined;
  }

  async function stop(lost) {
    if (!microphone) return undefined; // lost before it was open, which start() tells
    const closing = microphone;
    microphone = undefined;
    const file = wav(await closing.close(), model.rate);
    level.style.setProperty("--level", "0%");
    word(record, "record");
    record.removeAttribute("aria-pressed");
    play(file);
    if (lost) return desk.refuse(lost);
    if (!wire) return ask(() => base64(file));
    const ended = wire;
    wire = null;
    return desk.run(async () => {
      const answer = await ended.ask({ finish: true });
      ended.close();
      show(answer, null, why(desk, base64(file).then((sound) => ({ sound }))));
    });
  }

  const drop = dropZone("sound file", "sound hint", "audio/*,.wav,.flac,.ogg,.mp3", (file) => ask(async () => {
    const sound = await asWav(file, model.rate);
    play(sound);
    return sent(sound, model.limits);
  }));
  desk.asking.append(row(record, level, seconds), drop, player);
}
