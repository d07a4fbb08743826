/* In the audio thread: what the microphone gives, at the model's rate, in pieces of a tenth of a second. */

import { Resampler, sixteen } from "./resample.js";

registerProcessor("samples", class extends AudioWorkletProcessor {
  #held = [];
  #count = 0;
  #ended = false;

  constructor({ processorOptions: { rate } }) {
    super();
    this.rate = rate;
    this.resampler = new Resampler(sampleRate, rate);
    this.port.onmessage = () => {
      this.#keep(this.resampler.end());
      this.#give(true);
      this.#ended = true;
    };
  }

  process([channels]) {
    if (this.#ended) return false;
    if (channels.length) this.#keep(this.resampler.take(channels[0]));
    if (this.#count >= this.rate / 10) this.#give(false);
    return true;
  }

  #keep(samples) {
    this.#held.push(samples);
    this.#count += samples.length;
  }

  #give(last) {
    const samples = Int16Array.from(this.#held.flatMap((piece) => [...sixteen(piece)]));
    [this.#held, this.#count] = [[], 0];
    this.port.postMessage({ samples, last }, [samples.buffer]);
  }
});
