/* Sounds: from the microphone, and from files of any kind that the browser reads. */

import { trouble } from "./desk.js";
import { sixteen } from "./resample.js";

/** The microphone, open until it is closed: heard(samples of 16 bits, loudness, seconds) about ten times a second. */
export class Microphone {
  #pieces = [];
  #count = 0;
  #ended;

  static async open(rate, heard) {
    if (!navigator.mediaDevices) throw trouble("no microphone here");
    const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const stream = await navigator.mediaDevices.getUserMedia({ audio }).catch(() => {
      throw trouble("no microphone");
    });
    const context = new AudioContext();
    try {
      await context.audioWorklet.addModule(new URL("samples.js", import.meta.url));
      return new Microphone(stream, context, rate, heard);
    } catch (error) {
      for (const track of stream.getTracks()) track.stop();
      await context.close();
      throw error;
    }
  }

  constructor(stream, context, rate, heard) {
    Object.assign(this, { stream, context });
    const options = { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit", processorOptions: { rate } };
    this.node = new AudioWorkletNode(context, "samples", options);
    context.createMediaStreamSource(stream).connect(this.node);
    const done = new Promise((end) => (this.#ended = end));
    this.done = done;
    this.node.port.onmessage = ({ data: { samples, last } }) => {
      this.#pieces.push(samples);
      this.#count += samples.length;
      const power = samples.reduce((sum, value) => sum + (value / 32768) ** 2, 0) / Math.max(1, samples.length);
      if (samples.length) heard(samples, Math.sqrt(power), this.#count / rate);
      if (last) this.#ended();
    };
  }

  /** Closes it; all samples that were heard. */
  async close() {
    this.node.port.postMessage("end");
    await this.done;
    for (const track of this.stream.getTracks()) track.stop();
    await this.context.close();
    const whole = new Int16Array(this.#count);
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }
}

/** Samples of 16 bits as a WAV file. */
export function wav(samples, rate) {
  const head = new DataView(new ArrayBuffer(44));
  const letters = (at, text) => [...text].forEach((letter, k) => head.setUint8(at + k, letter.charCodeAt(0)));
  letters(0, "RIFF");
  head.setUint32(4, 36 + samples.byteLength, true);
  letters(8, "WAVEfmt ");
  head.setUint32(16, 16, true);
  head.setUint16(20, 1, true); // plain numbers
  head.setUint16(22, 1, true); // one channel
  head.setUint32(24, rate, true);
  head.setUint32(28, 2 * rate, true);
  head.setUint16(32, 2, true);
  head.setUint16(34, 16, true);
  letters(36, "data");
  head.setUint32(40, samples.byteLength, true);
  return new Blob([head, samples], { type: "audio/wav" });
}

/** A file of sound as WAV: WAV stays as it is, all else is decoded at the model's rate and mixed to one channel. */
export async function asWav(file, rate) {
  const start = new Uint8Array(await file.slice(0, 12).arrayBuffer());
  const name = String.fromCharCode(...start);
  if (name.startsWith("RIFF") && name.endsWith("WAVE")) return file;
  const decoder = new OfflineAudioContext(1, 1, rate);
  const sound = await decoder.decodeAudioData(await file.arrayBuffer()).catch(() => {
    throw trouble("no sound", { name: file.name });
  });
  const mixed = new Float32Array(sound.length);
  for (let channel = 0; channel < sound.numberOfChannels; channel++) {
    sound.getChannelData(channel).forEach((value, at) => (mixed[at] += value / sound.numberOfChannels));
  }
  return wav(sixteen(mixed), rate);
}
