/* A stream that follows a text while it is typed. */

import { Wire } from "./server.js";

/** Steps the stream by what was added; after any other change it is reset and reads from the start. */
export class Typed {
  #wire;
  #read = "";
  #wanted = "";
  #running;

  /** heard(answer, text, afresh): an answer, what of the text has been read, and whether it was read from the start. */
  constructor(heard, { wholeWords = true, hear } = {}) {
    Object.assign(this, { heard, wholeWords, hear });
  }

  /** Reads up to here, the latest text asked for; one step is under way at a time. */
  follow(text) {
    this.#wanted = this.wholeWords ? text.slice(0, text.search(/\S*$/)) : text;
    this.#running ??= this.#catchUp().finally(() => (this.#running = undefined));
    return this.#running;
  }

  /** What was read is no longer what the stream holds. */
  forget() {
    this.#read = null;
  }

  get wire() {
    if (!this.#wire || this.#wire.closed) {
      this.#wire = new Wire((told) => this.hear?.(told));
      this.#read = "";
    }
    return this.#wire;
  }

  close() {
    this.#wire?.close();
  }

  async #catchUp() {
    const wire = this.wire;
    while (this.#read !== this.#wanted) {
      const text = this.#wanted;
      await wire.opened;
      const afresh = !this.#read || !text.startsWith(this.#read);
      if (afresh && this.#read !== "") wire.send({ reset: true });
      const more = afresh ? text : text.slice(this.#read.length);
      this.#read = text;
      if (more.trim() || (more && !this.wholeWords)) {
        try {
          this.heard(await wire.ask({ step: more }), text, afresh);
        } catch (error) {
          this.#read = null; // a refused step left the stream where it was
          throw error;
        }
      } else if (afresh) this.heard(null, text, true);
    }
  }
}
