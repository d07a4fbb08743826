/* Samples at another rate: y[n] = sum_k x[k] h(n from/to - k), h a sinc that ends at the lower of both Nyquist limits,
   under a Blackman window. The ratio is a fraction up/down, so that h is needed at `up` phases only, made once.
   Source: J. O. Smith, Digital Audio Resampling, https://ccrma.stanford.edu/~jos/resample/ */

const ZEROS = 24; // zero crossings to each side: -74 dB beyond the band
const KEPT = 0.92; // of the band; the rest is the filter's slope

export class Resampler {
  #up;
  #down;
  #half;
  #phases;
  #held;
  #next = 0; // of the coming sample: place in #held times up

  constructor(from, to) {
    const shared = divisor(from, to);
    [this.#up, this.#down] = [to / shared, from / shared];
    const cutoff = KEPT * Math.min(1, to / from);
    this.#half = Math.ceil(ZEROS / cutoff);
    this.#phases = Array.from({ length: this.#up }, (_, phase) => taps(phase / this.#up, this.#half, cutoff));
    this.#held = new Float32Array(this.#half - 1);
  }

  /** What can be said of the new rate after these samples, too. */
  take(samples) {
    const up = this.#up, width = 2 * this.#half;
    const held = new Float32Array(this.#held.length + samples.length);
    held.set(this.#held);
    held.set(samples, this.#held.length);
    const made = [];
    let at = this.#next;
    for (; Math.floor(at / up) + width <= held.length; at += this.#down) {
      const first = Math.floor(at / up), weights = this.#phases[at % up];
      let sum = 0;
      for (let k = 0; k < width; k++) sum += weights[k] * held[first + k];
      made.push(sum);
    }
    const gone = Math.min(Math.floor(at / up), held.length);
    this.#held = held.slice(gone);
    this.#next = at - gone * up;
    return Float32Array.from(made);
  }

  /** What is still to come when nothing follows. */
  end() {
    return this.take(new Float32Array(this.#half));
  }
}

function taps(phase, half, cutoff) {
  const weights = Float32Array.from({ length: 2 * half }, (_, k) => {
    const t = k - half + 1 - phase, u = Math.PI * cutoff * t, w = (Math.PI * t) / half;
    const window = Math.abs(t) >= half ? 0 : 0.42 + 0.5 * Math.cos(w) + 0.08 * Math.cos(2 * w);
    return cutoff * window * (u === 0 ? 1 : Math.sin(u) / u);
  });
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

function divisor(a, b) {
  return b ? divisor(b, a % b) : a;
}

/** Samples in -1 .. 1 as 16 bits. */
export function sixteen(samples) {
  return Int16Array.from(samples, (value) => Math.round(32767 * Math.max(-1, Math.min(1, value))));
}
