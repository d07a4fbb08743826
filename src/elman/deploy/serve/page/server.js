/* The server, as the page speaks to it: requests with their errors in one sentence, and streams. */

const KEPT = "elman.token";

/** What the server, or the way to it, refused; status 0 where there was no answer. */
export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** Takes a token out of the address, where it would be seen and passed on, and keeps it while this tab is open. */
export function takeToken() {
  const address = new URL(location.href);
  if (!address.searchParams.has("token")) return;
  keepToken(address.searchParams.get("token"));
  address.searchParams.delete("token");
  history.replaceState(null, "", address);
}

export function keepToken(token) {
  sessionStorage.setItem(KEPT, token);
}

export function get(path) {
  return asked(path, {});
}

export function post(path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  return asked(path, { method: "POST", headers, body: JSON.stringify(body), signal });
}

async function asked(path, { headers = {}, ...rest }) {
  const token = sessionStorage.getItem(KEPT);
  if (token) headers.Authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(new URL(path, document.baseURI), { ...rest, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("", 0);
  }
  const told = await response.json().catch(() => ({}));
  rest.signal?.throwIfAborted();
  if (!response.ok) throw new Refused(told.error ?? response.statusText, response.status);
  return told;
}

/** One stream of the model's. `ask` gives the answer to a message; `hear` is told all else that arrives, and {lost}. */
export class Wire {
  #socket;
  #left = false;
  #waiting = new Map();
  #next = 0;

  constructor(hear = () => {}) {
    const address = new URL("stream", document.baseURI);
    address.protocol = address.protocol.replace("http", "ws");
    const token = sessionStorage.getItem(KEPT);
    if (token) address.searchParams.set("token", token);
    this.#socket = new WebSocket(address);
    this.opened = new Promise((good, bad) => {
      this.#socket.onopen = () => this.send({ open: {} });
      this.#socket.onclose = () => {
        const lost = new Refused(this.why ?? "", 0);
        bad(lost);
        for (const [, turn] of this.#waiting) turn.bad(lost);
        this.#waiting.clear();
        this.closed = true;
        if (!this.#left) hear({ lost });
      };
      this.#socket.onmessage = (event) => {
        const told = JSON.parse(event.data);
        const turn = this.#waiting.get(told.id);
        if (told.opened) good(told.opened);
        else if (turn) {
          this.#waiting.delete(told.id);
          if (told.error) turn.bad(new Refused(told.error, 422));
          else turn.good(told.answer);
        } else {
          this.why = told.error ?? told.closing ?? this.why;
          if (this.why) bad(new Refused(this.why, 422)); // of no effect once it is open
          hear(told);
        }
      };
    });
    this.opened.catch(() => {}); // whoever asks is told; a wire that is never used may fail in silence
  }

  send(message) {
    this.#socket.send(message instanceof ArrayBuffer ? message : JSON.stringify(message));
  }

  async ask(message) {
    await this.opened;
    const id = this.#next++;
    return new Promise((good, bad) => {
      if (this.closed) return bad(new Refused(this.why ?? "", 0));
      this.#waiting.set(id, { good, bad });
      this.send({ ...message, id });
    });
  }

  close() {
    this.#left = true;
    this.#socket.close();
  }
}
